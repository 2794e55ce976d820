"""Pages: routing and gathering of data. Templates belong to the renderer, which builds these functions in
``renderer.pages`` (each returns a whole HTML document as text; ``app`` is the pinned ``engine.plan.app.App``):

```
login(app, viewer, said: tuple[Said, ...] = (), name: str = "", next: str = "/") -> str
home(app, viewer, view: HomeView) -> str
list_page(app, viewer, page: ListPage, view: ListView) -> str
record_page(app, viewer, page: FormPage, view: RecordView) -> str
dashboard_page(app, viewer, page: Dashboard, view: DashboardView) -> str
problem_page(app, viewer, status: int, title: str, said: tuple[Said, ...]) -> str
```
``Viewer``, ``ListView``, ``RecordView``, ``DashboardView``, ``HomeView``, ``Action`` and ``Said`` are in
``engine.plan.viewer``. Before a login ``viewer.user_id`` is empty.

| address | page |
|---|---|
| GET ``/`` | home |
| GET, POST ``/login`` | form fields ``name``, ``password``, ``next``; POST ``/logout`` |
| POST ``/language`` | ``language`` (zh, en), ``next`` |
| GET ``/m/{module}/{list}`` | a list; parameters as the API's: ``state=…&hours[gte]=8&q=…&sort=-date&cursor=…`` |
| GET ``/r/{module}/{entity}/new`` | an empty form; ``?field=value`` fills fields |
| GET ``/r/{module}/{entity}/{id}`` | a record; ``?saved=1`` after a save |
| POST ``/r/{module}/{entity}/new``, ``…/{id}`` | a form, below; answers 303 to the record, or 422 with the form and what was wrong |
| GET ``/d/{module}/{dashboard}`` | a dashboard; its filters are parameters (``?project=<id>&month=2026-03``) |
| GET ``/assets/{file}`` | built assets by the names of ``manifest.json``, cached for good |

A form is ``application/x-www-form-urlencoded``. Inputs are named by path: ``sheet_date``, ``lines.0.worker``,
``lines.0.id`` (of a stored line), ``lines.0.$delete=1``. An input that is sent empty means null; one that is not sent
is left alone; a checkbox sends a hidden ``false`` before its ``true`` (the last value wins). Datetimes may be sent
without a zone (``2026-03-05T07:30``): the tenant's is taken. Percents may be sent as ``9%``. ``choices`` and ``refs``
repeat the input. Besides: ``_csrf``, ``_rev`` (of the record shown), ``_action`` (name of the action; empty or
absent: save only; else saves what is editable, then acts, in one transaction), ``_reason``, ``_reasons.<check>``
(reasons that let warnings pass), ``_do=delete`` (to the bin).

A picker in the browser asks ``GET /api/v1/{module}/{entity}?q=…&where=…&limit=20&fields=id`` with the session's
cookie; every item has ``id`` and ``display``. ``POST /api/v1/{module}/{entity}/check`` previews a document: its body
is a document, it answers ``{"record": …, "checks": […]}`` and keeps nothing.
"""
