"""Playing one scenario: its world planted, its steps taken at the front door, what is expected held against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from engine.catalog import Catalog, Entity, Scenario
from engine.catalog.data import Act, Expect
from engine.db import Body
from engine.fieldtypes import REGISTRY, Refused
from engine.fieldtypes.links import Files
from engine.label import LANGUAGES, Label
from engine.problem import Problems, Where
from engine.serve.people import auth
from engine.serve.tenant import rows
from engine.serve.tenant.bind import ENGINE
from engine.serve.tenant.ids import uuid7
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import Refusal
from engine.studio.scenarios import expecting
from engine.studio.scenarios.at_hand import at_hand
from engine.studio.scenarios.door import Asgi, Door, Reply
from engine.studio.scenarios.sentences import say
from engine.studio.scenarios.stories import moment, plant_stories
from engine.studio.tenant.bodies import bare, from_given
from engine.studio.tenant.importing import find_import, import_file
from engine.studio.tenant.planting import Planter

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that was not as expected, and the line of the scenario that said so."""

    step: str
    says: Label
    where: Where
    missing: str = ""
    """The file that the step names and that is not at hand: it could not be taken, whatever would have come of it."""


class NotAtHand(LookupError):
    """A file that a scenario names (its text) lies nowhere it is looked for."""


@dataclass(slots=True)
class Stage:
    """Where a scenario plays: a tenant of its own, its front door, and who has come in so far."""

    tenant: Tenant
    catalog: Catalog
    asgi: Asgi
    planter: Planter
    folders: Sequence[Path] = ()
    """Of packs and overlays, with the files that scenarios name."""
    doors: dict[str, Door] = field(default_factory=dict)
    entities: dict[str, str] = field(default_factory=dict)
    """Which entity a named record is of."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def play(self, scenario: Scenario) -> list[Failure]:
        """Everything that was not as expected, in order; a step that could not be taken ends the scenario."""
        self.tenant.clock = lambda: self.now
        try:
            await self._world(scenario)
        except (Refusal, Problems, LookupError, Refused) as error:
            return [Failure("given", _told(error), scenario.where)]
        actor = ADMIN
        failures: list[Failure] = []
        for act in scenario.steps.values():
            actor = act.as_ or actor
            self._at(act.now)
            self.tenant.people.clear()
            try:
                found, over = await self._step(act, actor, scenario)
            except NotAtHand as error:
                failures.append(Failure(act.name, say("file", what=error), act.where, missing=str(error)))
                break
            except (Refusal, Problems, LookupError, Refused) as error:
                found, over = [_told(error)], True
            failures += [
                Failure(act.name, says, act.expect.where if act.expect.where.line else act.where) for says in found
            ]
            if over:
                break
        return failures

    async def _world(self, scenario: Scenario) -> None:
        chain = [scenario]
        while chain[-1].like:
            chain.append(self.catalog.scenarios[chain[-1].like])
        for one in reversed(chain):
            self._at(one.now)
            self.tenant.settings = {**self.tenant.settings, **{n: v.literal for n, v in one.settings.items()}}
        for one in reversed(chain):
            await plant_stories(self.planter, one.given, self._now_of)
            for row in one.given:
                if row.name:
                    self.entities[row.name] = row.entity

    def _at(self, text: str) -> None:
        if text:
            self.now = self._now_of(text)

    def _now_of(self, text: str) -> datetime:
        return moment(text, self.tenant.zone)

    async def _step(self, act: Act, actor: str, scenario: Scenario) -> tuple[list[Label], bool]:
        """What was not as expected, and whether the scenario cannot go on."""
        door = await self.door(actor)
        name = act.name if act.verb == "create" else act.of or (act.target if act.verb not in ("", "import") else "")
        entity = self._entity(act, name, scenario)
        before = await self._read(door, entity, name) if act.expect.refused and act.verb != "create" else None
        reply = await self._do(act, door, entity, name)
        if act.expect.refused:
            found = _refusal(act.expect, reply)
            if before is not None and await self._read(door, entity, name) != before:
                found.append(say("altered"))
            return found, False
        if reply is not None and not reply.ok:
            return [say("refused", why=_sentences(reply))], True
        if act.verb == "create" and reply is not None and entity is not None:
            self.planter.remember(entity.path, act.name, reply.body["id"])
            self.entities[act.name] = entity.path
        return await self._look(act, door, entity, name, reply, scenario), False

    async def door(self, actor: str) -> Door:
        """The front door as this person: by name, by role (the first who holds it), or the administrator."""
        if actor not in self.doors:
            user = str(uuid7()) if actor == ADMIN else await self._user(actor)
            tenant = self.tenant
            login = {
                "user": user,
                "name": f"{actor}",
                "hash": "!",
                "must_change": False,
                "language": "zh",
                "admin": actor == ADMIN,
            }

            def body() -> Body[None]:
                yield rows.delete("_login", tenant.database.dialect, {"user": user})
                yield rows.insert("_login", [login], tenant.database.dialect)

            await tenant.database.write(body)
            self.doors[actor] = Door(self.asgi, await auth.open_session(tenant, user))
        return self.doors[actor]

    async def _user(self, actor: str) -> str:
        users = self.tenant.app.people.users
        if known := self.planter.names.get((users, actor)):
            return known
        for (entity, _), user in self.planter.names.items():
            if entity == users:
                me = await auth.with_roles(self.tenant, replace(ENGINE, user=user, roles=()))
                if actor in me.roles:
                    return user
        raise LookupError(f"nobody is called {actor}, and nobody holds that role")

    def _entity(self, act: Act, name: str, scenario: Scenario) -> Entity | None:
        if act.verb == "create":
            return self.catalog.entities[act.target]
        if act.verb in ("", "import") and not act.of:
            return None
        if name not in self.entities:
            raise LookupError(f"no record is called {name}")
        return self.catalog.entities[self.entities[name]]

    async def _do(self, act: Act, door: Door, entity: Entity | None, name: str) -> Reply | None:
        if act.verb == "import":
            await import_file(self.tenant, find_import(self.tenant, act.target), self._file(act))
        if entity is None or not act.verb:
            return None
        body = await self.tenant.database.write(
            lambda: from_given(act.values, entity, self.catalog, self.planter.resolve, self.tenant.zone)
        )
        await self._send_in(act, door, entity, body)
        path = self._path(entity)
        if act.reason and act.verb in ("create", "update"):
            body["reason"] = act.reason
        if act.verb == "create":
            return await door.ask("POST", path, body=body)
        path = f"{path}/{self.planter.names[entity.path, name]}"
        stored = (await door.ask("GET", path)).body or {}
        _by_position(body, stored)
        return await self._change(act, door, path, body, {"if-match": f'"{stored.get("rev", 0)}"'})

    async def _change(self, act: Act, door: Door, path: str, body: dict[str, Any], match: Mapping[str, str]) -> Reply:
        match act.verb:
            case "update":
                return await door.ask("PATCH", path, body=body, headers=match)
            case "delete":
                return await door.ask("DELETE", path, headers=match)
            case "restore":
                return await door.ask("POST", f"{path}/restore", body={})
        sent = {name: value for name, value in (("with", body), ("reason", act.reason)) if value}
        return await door.ask("POST", f"{path}/actions/{act.target}", body=sent)

    async def _send_in(self, act: Act, door: Door, entity: Entity, body: dict[str, Any]) -> None:
        """Names of files in a body become the files themselves, sent in by whoever acts."""
        for name, value in body.items():
            field = entity.fields.get(name)
            if field is not None and field.spec.type == "lines":
                for line in value.values() if isinstance(value, dict) else value or ():
                    await self._send_in(act, door, self.catalog.entities[field.target], line)
            elif field is not None and isinstance(REGISTRY[field.spec.type], Files) and value:
                names = value if isinstance(value, list) else [value]
                ids = [await self._sent(door, self._beside(act, str(one))) for one in names]
                body[name] = ids if isinstance(value, list) else ids[0]

    async def _sent(self, door: Door, path: Path) -> str:
        query = urlencode({"name": path.name})
        reply = await door.ask("POST", "/api/v1/system/files", query, content=path.read_bytes())
        if not reply.ok:
            raise LookupError(f"{path.name} was not taken in: {_sentences(reply)}")
        return str(reply.body["id"])

    def _file(self, act: Act) -> Path:
        return self._beside(act, act.file)

    def _beside(self, act: Act, name: str) -> Path:
        found = at_hand(name, act.where.file, self.folders)
        if found is None:
            raise NotAtHand(name)
        return found

    def _path(self, entity: Entity) -> str:
        return f"/api/v1/{entity.path.replace('.', '/')}"

    async def _read(self, door: Door, entity: Entity | None, name: str) -> Any:
        if entity is None or (entity.path, name) not in self.planter.names:
            return None
        return (await door.ask("GET", f"{self._path(entity)}/{self.planter.names[entity.path, name]}")).body

    async def _look(
        self, act: Act, door: Door, entity: Entity | None, name: str, reply: Reply | None, scenario: Scenario
    ) -> list[Label]:
        want, out = act.expect, list[Label]()
        if want.warned is not None and reply is not None:
            spoke = [w.get("check", w["code"]) for w in (reply.body or {}).get("warnings", ())]
            if sorted(spoke) != sorted(want.warned):
                out.append(say("warned", want=list(want.warned), have=spoke))
        if entity is not None and act.verb != "delete":
            out += await self._look_at_record(want, door, entity, name)
        for path, given in want.figures.items():
            out += await self._look_at_figure(path, bare(given), door)
        for path, given in want.counts.items():
            out += await self._look_at_count(path, bare(given), door)
        return out

    async def _look_at_record(self, want: Expect, door: Door, entity: Entity, name: str) -> list[Label]:
        asked = want.state or want.fields or want.hides or want.next is not None or want.may is not None
        if not asked:
            return []
        answer = await door.ask("GET", f"{self._path(entity)}/{self.planter.names[entity.path, name]}", "actions=true")
        if not answer.ok:
            return [say("unread", why=_sentences(answer))]
        record, out = answer.body, list[Label]()
        if want.state and record.get("state") != want.state:
            out.append(say("state", want=want.state, have=record.get("state")))
        out += expecting.fields(await self._known(want.fields, entity), record)
        out += [say("hidden", what=hidden) for hidden in want.hides if hidden in record]
        if want.may is not None:
            may = sorted(a["name"] for a in record.get("actions", ()))
            if may != sorted(want.may):
                out.append(say("may", want=sorted(want.may), have=may))
        if want.next is not None:
            found = await self._waiting(record["id"])
            if found != list(want.next):
                out.append(say("next", want=list(want.next), have=found))
        return out

    async def _waiting(self, record: str) -> list[str]:
        made = rows.select("_task", self.tenant.database.dialect, {"root": record, "state": "open"})
        found = await self.tenant.database.read(made.sql, made.values)
        step = rows.names_of("_task").index("step")
        return list(dict.fromkeys(row[step] for row in found))

    async def _known(self, fields: Mapping[str, Any], entity: Entity) -> dict[str, Any]:
        """References among the expected values become ids, where the name is known."""
        out = {}
        for name, value in fields.items():
            data, target = bare(value), entity.fields[name].target if name in entity.fields else ""
            if isinstance(data, str) and target and entity.fields[name].spec.type != "lines":
                with suppress(LookupError):
                    data = await self.tenant.database.write(lambda t=target, d=data: self.planter.resolve(t, d))  # type: ignore[misc]
            elif isinstance(data, Mapping) and target:
                child = self.catalog.entities[target]
                data = {at: await self._known(bare(line), child) for at, line in data.items()}
            out[name] = data
        return out

    async def _look_at_figure(self, path: str, want: Mapping[str, Any], door: Door) -> list[Label]:
        plan = self.tenant.app.figures[path]
        measures = {name: bare(value) for name, value in want.items() if name != "at"}
        query = [("measures", ",".join(measures))]
        for dim, value in (bare(want.get("at", {})) or {}).items():
            dimension = plan.dimensions[dim.partition("[")[0]]
            text = str(bare(value))
            if dimension.target:
                text = await self.tenant.database.write(lambda t=dimension.target, d=text: self.planter.resolve(t, d))  # type: ignore[misc]
            query.append((dim, text))
        module, _, name = path.partition(".")
        answer = await door.ask("GET", f"/api/v1/{module}/figures/{name}", urlencode(query))
        if not answer.ok:
            return [say("unasked", what=path, why=_sentences(answer))]
        row = (answer.body["rows"] or [{}])[0]
        return [
            say("is", what=f"{path}.{name}", want=expecting.said(value), have=expecting.said(row.get(name)))
            for name, value in measures.items()
            if not expecting.same(value, row.get(name)) and not (not row and str(value) in ("0", "null"))
        ]

    async def _look_at_count(self, path: str, want: Any, door: Door) -> list[Label]:
        where, number = (str(bare(want["where"])), bare(want["is"])) if isinstance(want, Mapping) else ("", want)
        query = [("count", "exact"), ("limit", "1"), *([("where", where)] if where else [])]
        answer = await door.ask("GET", self._path(self.catalog.entities[path]), urlencode(query))
        if not answer.ok:
            return [say("uncounted", what=path, why=_sentences(answer))]
        total = answer.body.get("total")
        return [] if int(str(number)) == total else [say("count", what=path, want=number, have=total)]


def _by_position(body: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Lines written by position get the ids that stand there."""
    for name, value in body.items():
        if isinstance(value, dict) and value and all(isinstance(at, int) for at in value):
            lines = stored.get(name) or []
            body[name] = [{"id": lines[at - 1]["id"], **line} for at, line in value.items() if at <= len(lines)]


def _refusal(want: Expect, reply: Reply | None) -> list[Label]:
    if reply is None or reply.ok:
        return [say("accepted", want=", ".join(want.refused))]
    errors = reply.body.get("errors", []) if isinstance(reply.body, Mapping) else []
    reasons = {e.get("check") or e["code"] for e in errors} | {e["code"] for e in errors}
    told = _sentences(reply)
    out = [say("otherwise", want=name, why=told) for name in want.refused if name not in reasons]
    if want.message and want.message not in told:
        out.append(say("message", want=want.message, have=told))
    pointed = [_dotted(e.get("pointer", "")) for e in errors]
    if want.field and want.field not in pointed:
        out.append(say("pointer", want=want.field, have=pointed))
    return out


def _dotted(pointer: str) -> str:
    """``/lines/0/hours`` → ``lines.1.hours``: scenarios count from 1."""
    return ".".join(str(int(p) + 1) if p.isdigit() else p for p in pointer.strip("/").split("/"))


def _sentences(reply: Reply) -> str:
    if not isinstance(reply.body, Mapping):
        return f"HTTP {reply.status}"
    errors = reply.body.get("errors") or [{"code": reply.body.get("code"), "message": reply.body.get("detail")}]
    return "; ".join(f"{e.get('check') or e.get('code')}: {e.get('message')}" for e in errors)


def _told(error: Exception) -> Label:
    if isinstance(error, Refusal):
        return Label(*(_joined(error, language) for language in LANGUAGES))
    return Label(en=f"{error.code.code} {error.params}" if isinstance(error, Refused) else str(error))


def _joined(error: Refusal, language: str) -> str:
    return "; ".join(f"{f.check or f.code} {f.pointer}: {f.says.to(language)}" for f in error.faults)
