"""The server's addresses. Every answer is made from the archives of the runs folder, and nothing else is reachable."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from evolve.archive import Store
from evolve.errors import UsageError
from evolve.report.page.markup import asset, style
from evolve.report.page.run_page import report_page
from evolve.safe_text import one_line
from evolve.serve import pages
from evolve.serve.questions import answer
from evolve.serve.safety import Handler, guarded, is_own_form

SCRIPTS = ("uPlot.js", "page.js", "live.js", "list.js")
STYLE = "page.css"


class _NotThere(Exception):
    """There is no such run or program."""


def make_app(runs: Path, token: str = "") -> Starlette:
    """Return the server of a runs folder. token: what a visitor must bring; "" where only this machine reaches it."""

    def folder_of(request: Request) -> Path:
        folder = pages.run_named(runs, request.path_params["name"])
        if folder is None:
            raise _NotThere
        return folder

    async def index(request: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(pages.list_page, runs))

    async def one_run(request: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(pages.run_page, folder_of(request)))

    async def state(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(pages.state, folder_of(request)))

    async def facts(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(pages.facts, folder_of(request)))

    async def program(request: Request) -> Response:
        found = await run_in_threadpool(pages.program, folder_of(request), int(request.path_params["id"]))
        if found is None:
            raise _NotThere
        return JSONResponse(found)

    async def best(request: Request) -> Response:
        source = await run_in_threadpool(_best, folder_of(request))
        return Response(source, media_type="text/plain; charset=utf-8", headers=_file("best.py"))

    async def report(request: Request) -> Response:
        page = await run_in_threadpool(_report, folder_of(request))
        return Response(page, media_type="text/html; charset=utf-8", headers=_file("report.html"))

    async def questions(request: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(pages.questions_page, folder_of(request)))

    async def answered(request: Request) -> Response:
        folder = folder_of(request)
        if not is_own_form(request):
            return PlainTextResponse("A form of this server only.\n", 403)
        async with request.form(max_files=0, max_part_size=4 * 1024 * 1024) as form:
            text = form.get("answer")
        try:
            await run_in_threadpool(answer, folder, int(request.path_params["step"]), str(text or ""))
        except UsageError as error:
            return HTMLResponse(await run_in_threadpool(pages.questions_page, folder, str(error)), 409)
        return RedirectResponse(f"{pages.address(folder)}/questions", 303)

    async def compare(request: Request) -> Response:
        names = dict.fromkeys(request.query_params.getlist("run"))
        chosen = [folder for name in names if (folder := pages.run_named(runs, name)) is not None]
        if len(chosen) < 2:
            return PlainTextResponse("Choose two runs or more in the list.\n", 400)
        return HTMLResponse(await run_in_threadpool(pages.compared, chosen))

    async def file(request: Request) -> Response:
        name = request.path_params["file"]
        if name == STYLE:
            return Response(style(), media_type="text/css; charset=utf-8")
        if name not in SCRIPTS:
            raise _NotThere
        return Response(asset(name), media_type="text/javascript; charset=utf-8")

    one = "/run/{name}"
    routes: list[tuple[str, Handler, str]] = [
        ("/", index, "GET"),
        ("/compare", compare, "GET"),
        ("/assets/{file}", file, "GET"),
        (f"{one}/", one_run, "GET"),
        (one, one_run, "GET"),
        (f"{one}/state.json", state, "GET"),
        (f"{one}/facts.json", facts, "GET"),
        (one + "/programs/{id:int}.json", program, "GET"),
        (one + "/programs/-{id:int}.json", _of_baseline(program), "GET"),
        (f"{one}/best.py", best, "GET"),
        (f"{one}/report.html", report, "GET"),
        (f"{one}/questions", questions, "GET"),
        (one + "/answers/{step:int}", answered, "POST"),
    ]
    return Starlette(
        routes=[
            *(Route(path, guarded(token, _answering(handler)), methods=[method]) for path, handler, method in routes),
            Route("/{rest:path}", guarded(token, _no_page)),
        ]
    )


async def _no_page(request: Request) -> Response:
    return PlainTextResponse("There is no such page.\n", 404)


def _of_baseline(handler: Handler) -> Handler:
    """Return the same for a program below 0: an address part of Starlette's is a number from 0 on."""

    async def negated(request: Request) -> Response:
        request.path_params["id"] = -int(request.path_params["id"])
        return await handler(request)

    return negated


def _answering(handler: Handler) -> Handler:
    """Return a handler that says in a line what is not there or cannot be read."""

    async def answering(request: Request) -> Response:
        try:
            return await handler(request)
        except _NotThere:
            return await _no_page(request)
        except UsageError as error:
            return PlainTextResponse(f"{one_line(str(error))}\n", 409)

    return answering


def _best(folder: Path) -> str:
    with Store.open(folder) as store:
        best = store.best()
    if best is None:
        raise _NotThere
    return best.source


def _report(folder: Path) -> str:
    with Store.open(folder) as store:
        return report_page(store)


def _file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
