"""The frozen products of compiling: what serve, db and the renderer work from. Data only; the same bytes twice."""
