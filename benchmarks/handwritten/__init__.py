"""(a): what a good team writes by hand for one entity: FastAPI, SQLAlchemy 2 async ORM, pydantic."""
