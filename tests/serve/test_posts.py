"""Roles held at an organisation, in a tree, or at a project, from a day to a day: every person and paper against an
oracle that walks the tree in Python, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.plan.statement import Dialect
from tests.kept import Kept
from tests.serve.stage import Stage

TODAY = "2026-03-05"
ORGS = {  # name → (kind, parent)
    "Group": ("company", ""), "Finance": ("department", "Group"), "East": ("company", "Group"),
    "East works": ("department", "East"), "East site": ("department", "East works"),
    "West": ("company", "Group"), "West works": ("department", "West"), "Alone": ("department", ""),
}  # fmt: skip
PROJECTS = {"Bridge": "East", "Tunnel": "West", "Tower": "Group", "Shed": ""}
PEOPLE = ("an", "bo", "cai", "dai", "er", "fu", "gao", "he", "boss")
ROLES = ("clerk", "chief", "auditor", "manager")


class Company(Stage):
    pack = "company.yaml"

    async def plant(self) -> None:
        for name in PEOPLE:
            self.ids[name] = await self.make("user", name=name)
            await self._may_sign_in(self.ids[name], name)
        for n, (name, (kind, parent)) in enumerate(ORGS.items()):
            more: dict[str, Any] = {"parent": self.ids[parent]} if parent else {}
            leader = self.ids[PEOPLE[n % 4]]
            self.ids[name] = await self.make("org", name=name, kind=kind, leader=leader, **more)
        for name, company in PROJECTS.items():
            more = {"company": self.ids[company]} if company else {}
            self.ids[name] = await self.make("project", name=name, **more)


@pytest.fixture
async def company(kept: Kept, dialect: Dialect, tmp_path: Path) -> AsyncIterator[Company]:
    async with Company.copied(kept, dialect, tmp_path) as made:
        yield made


@dataclass
class Oracle:
    """What was planted, and what it means. An organisation of "" is everywhere."""

    posts: list[tuple[str, str, str]] = field(default_factory=list)
    members: list[tuple[str, str, str]] = field(default_factory=list)

    def at(self, person: str, role: str) -> set[str]:
        return {org for p, r, org in self.posts if (p, r) == (person, role)}

    def everywhere(self, person: str, role: str) -> bool:
        return "" in self.at(person, role)

    def departments(self, person: str, role: str, org: str) -> bool:
        return self.everywhere(person, role) or bool(org and org in self.at(person, role))

    def below(self, person: str, role: str, org: str) -> bool:
        return self.everywhere(person, role) or any(one in self.at(person, role) for one in up(org))

    def companies(self, person: str, role: str, org: str) -> bool:
        return self.everywhere(person, role) or bool(org and org in {company_of(o) for o in self.at(person, role)})

    def projects(self, person: str, role: str, project: str) -> bool:
        return self.everywhere(person, role) or (person, role, project) in self.members

    def any_companies(self, person: str, org: str) -> bool:
        return any(org and org == company_of(o) for p, _, o in self.posts if p == person)

    def any_projects(self, person: str, project: str) -> bool:
        return any((p, o) == (person, project) for p, _, o in self.members)

    def holds(self, person: str, role: str) -> bool:
        return any((p, r) == (person, role) for p, r, _ in (*self.posts, *self.members))

    def may(self, person: str, what: str, paper: dict[str, str]) -> bool:
        org, project = paper["department"], paper["project"]
        owner = PROJECTS.get(project, "")
        rules = {
            "read": {
                "clerk": self.departments(person, "clerk", org),
                "chief": self.below(person, "chief", org),
                "auditor": self.companies(person, "auditor", owner),
                "manager": self.projects(person, "manager", project),
            },
            "update": {
                "clerk": self.departments(person, "clerk", org),
                "manager": self.any_companies(person, org),
            },
            "delete": {"chief": self.departments(person, "chief", org)},
            "export": {"manager": self.any_projects(person, project)},
        }[what]
        return any(rule and self.holds(person, role) for role, rule in rules.items())

    def chiefs(self, org: str) -> set[str]:
        """Who is asked as chief of a department: of it, of the company it is, or everywhere."""
        return {p for p, r, o in self.posts if r == "chief" and (o in ("", org) or (o and company_of(o) == org))}

    def auditors(self, org: str) -> set[str]:
        return {p for p, r, o in self.posts if r == "auditor" and (o in ("", org) or (o and company_of(o) == org))}


def up(org: str) -> Iterator[str]:
    while org:
        yield org
        org = ORGS[org][1]


def company_of(org: str) -> str:
    return next((one for one in up(org) if ORGS[one][0] == "company"), "")


async def planted(company: Company, seed: int) -> tuple[Oracle, list[dict[str, str]]]:
    random, oracle = Random(seed), Oracle()
    # Always: one person with the same role at two places, one with two roles at two, one everywhere.
    posts = [("an", "clerk", "East works"), ("an", "clerk", "West works"), ("bo", "clerk", "East works"),
             ("bo", "chief", "West"), ("cai", "auditor", ""), ("dai", "auditor", "East site")]  # fmt: skip
    posts += [(random.choice(PEOPLE[3:7]), random.choice(ROLES), random.choice(list(ORGS))) for _ in range(6)]
    for person, role, org in dict.fromkeys(posts):
        when = random.choice([{}, {"starts": TODAY}, {"ends": TODAY}, {"starts": "2026-01-01", "ends": "2026-12-31"}])
        place = {"org": company.ids[org]} if org else {}
        await company.make("post", user=company.ids[person], role=role, **place, **when)
        oracle.posts.append((person, role, org))
    for person, role, org in (("er", "chief", "Group"), ("gao", "clerk", "East"), ("he", "auditor", "")):
        over = random.choice([{"ends": "2026-03-04"}, {"starts": "2026-03-06"}])
        place = {"org": company.ids[org]} if org else {}
        await company.make("post", user=company.ids[person], role=role, **place, **over)
    boss = await company.door("boss")
    for project in PROJECTS:
        who = {(random.choice(PEOPLE[:7]), random.choice(ROLES)) for _ in range(3)}
        lines = [{"user": company.ids[p], "role": r} for p, r in sorted(who)]
        lines.append({"user": company.ids["he"], "role": "manager", "ends": "2026-03-04"})
        done = await boss.patch(f"/project/{company.ids[project]}", json={"members": lines}, headers={"if-match": "*"})
        assert done.status_code == 200, done.text
        oracle.members += [(p, r, project) for p, r in who]
    papers = [{"department": org, "project": project, "name": f"{org}/{project}"}
              for org in ORGS for project in (*PROJECTS, "")]  # fmt: skip
    for paper in papers:
        body = {"name": paper["name"], "department": company.ids[paper["department"]]}
        if paper["project"]:
            body["project"] = company.ids[paper["project"]]
        paper["id"] = await company.make("paper", **body)
    company.tenant.forget_people()
    return oracle, papers


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_person_and_paper_against_the_oracle(company: Company, seed: int) -> None:
    oracle, papers = await planted(company, seed)
    compared = seen = 0
    for person in PEOPLE[:-1]:
        door = await company.door(person)
        listed = await door.get("/paper?limit=1000")
        found = {r["id"] for r in listed.json()["items"]} if listed.status_code == 200 else set()
        meant = {p["id"] for p in papers if oracle.may(person, "read", p)}
        assert found == meant, (person, [p["name"] for p in papers if p["id"] in found ^ meant])
        seen += len(meant)
        for paper in papers[seed::3]:
            one = await door.get(f"/paper/{paper['id']}")
            assert (one.status_code == 200) == (paper["id"] in meant), (person, paper)
            if one.status_code == 200:
                changed = await door.patch(f"/paper/{paper['id']}", json={"amount": 1}, headers={"if-match": "*"})
                assert (changed.status_code == 200) == oracle.may(person, "update", paper), (person, paper, changed)
            compared += 2
        taken = await door.get("/paper/export?format=csv")
        rows = taken.text.count("/") if taken.status_code == 200 else 0
        assert rows == sum(oracle.may(person, "read", p) and oracle.may(person, "export", p) for p in papers), person
    assert compared > 100
    assert 0 < seen < len(papers) * len(PEOPLE)


async def test_two_roles_at_two_departments_do_not_leak(company: Company) -> None:
    """Clerk in the East, chief in the West: he may delete in the West alone, and change a draft in the East alone."""
    await planted(company, 1)
    bo = await company.door("bo")
    east = await company.make("paper", name="e", department=company.ids["East works"])
    west = await company.make("paper", name="w", department=company.ids["West"])
    below = await company.make("paper", name="b", department=company.ids["West works"])
    for paper in (east, west, below):
        assert (await bo.get(f"/paper/{paper}")).status_code == 200
    any_rev = {"if-match": "*"}
    assert (await bo.patch(f"/paper/{east}", json={"amount": 5}, headers=any_rev)).status_code == 200
    assert (await bo.patch(f"/paper/{west}", json={"amount": 5}, headers=any_rev)).status_code == 403
    assert (await bo.delete(f"/paper/{east}", headers=any_rev)).status_code == 403
    assert (await bo.delete(f"/paper/{below}", headers=any_rev)).status_code == 403
    assert (await bo.delete(f"/paper/{west}", headers=any_rev)).status_code == 204


@pytest.mark.parametrize(("org", "project"), [("West", "Tunnel"), ("East works", "Bridge"), ("Group", "Shed")])
async def test_who_is_asked_holds_the_role_there(company: Company, org: str, project: str) -> None:
    oracle, _ = await planted(company, 2)
    boss = await company.door("boss")
    made = await company.make("paper", name="x", department=company.ids[org], project=company.ids[project], amount=200)
    assert (await boss.post(f"/paper/{made}/actions/submit", json={})).status_code == 200

    async def asked(step: str) -> set[str]:
        found = await company.rows("_task", "root", "step", "user")
        back = {i: n for n, i in company.ids.items()}
        return {back[u] for r, s, u in ((str(r), s, u and str(u)) for r, s, u in found) if (r, s) == (made, step) and u}

    assert await asked("chief") == oracle.chiefs(org)
    for step, meant in (("audit", oracle.auditors(PROJECTS[project])), ("leader", None)):
        while not await asked(step):
            done = await boss.post(f"/paper/{made}/actions/approve", json={})
            assert done.status_code == 200, done.text
        assert await asked(step) == (meant if meant is not None else {PEOPLE[list(ORGS).index(org) % 4]})


async def test_a_moved_department_moves_what_is_seen(company: Company) -> None:
    await company.make("post", user=company.ids["an"], role="chief", org=company.ids["West"])
    paper = await company.make("paper", name="p", department=company.ids["East site"])
    an, boss = await company.door("an"), await company.door("boss")
    assert (await an.get(f"/paper/{paper}")).status_code == 404
    body = {"parent": company.ids["West works"]}
    moved = await boss.patch(f"/org/{company.ids['East site']}", json=body, headers={"if-match": "*"})
    assert moved.status_code == 200
    assert (await an.get(f"/paper/{paper}")).status_code == 200
