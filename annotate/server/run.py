"""``serve`` in a workspace: its files, its port, and its end."""

from __future__ import annotations

import gc
import math
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from annotate.errors import InputError, MissingError
from annotate.labels.truth import read_truth
from annotate.locks import exclusive, is_held
from annotate.questions.planning import QuestionPlan
from annotate.server.app import make_app
from annotate.server.desk import Desk
from annotate.server.images import Pictures, Place
from annotate.server.model import Rules
from annotate.server.pages import Pages, TaskPages, bare_template
from annotate.server.requests import Site
from annotate.server.security import Keys, check_public_url, read_keys
from annotate.server.store import Store
from annotate.settings import ServeSettings
from annotate.tables import CATALOG, read
from annotate.tasks.again import asked_since
from annotate.tasks.build import TEMPLATE, read_questions
from annotate.tasks.examples import all_examples
from annotate.tasks.manifest import read_manifest
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace

DATABASE = "annotation.sqlite3"
SECRET = "serve.secret"
LOCK = ".serve.lock"
WAITING = 2048  # connections that may wait to be accepted
# How long a thread that computes, such as the export, may keep the others from going on.
SWITCH_SECONDS = 0.0005


def rules_of(workspace: Workspace, settings: ServeSettings, taxonomy: Taxonomy) -> Rules:
    """Who answers what, as ``mumic.toml`` says.

    Raises:
        InputError: a value makes no sense.
    """
    if not 0 < settings.lease_minutes < math.inf:
        raise InputError("[serve] lease_minutes must be more than 0.")
    consolidate = workspace.settings.consolidate
    return Rules(
        votes=workspace.settings.tasks.annotators,
        votes_max=settings.votes_max,
        early_stop=settings.early_stop,
        lease_seconds=math.ceil(settings.lease_minutes * 60),
        golden_rate=settings.golden_rate,
        golden_recall_floor=settings.golden_recall,
        golden_precision_floor=settings.golden_precision,
        min_votes=consolidate.min_votes,
        vote_threshold=consolidate.vote_threshold,
        thresholds={
            entry.id: entry.vote_threshold
            for entry in taxonomy.classes
            if entry.vote_threshold is not None
        },
    )


def open_store(workspace: Workspace, settings: ServeSettings) -> Store:
    """The store of a workspace, under the rules of the server that runs or ran last."""
    taxonomy, _ = read_questions(workspace)
    rules = rules_of(workspace, settings, taxonomy)
    return Store.open(workspace.desk / DATABASE, rules, keep=True)


def keys_of(workspace: Workspace) -> Keys:
    """The server's secret."""
    return read_keys(workspace.desk / SECRET)


def base_url(workspace: Workspace, settings: ServeSettings, store: Store) -> str:
    """The origin that people see: of the server that runs, else as the settings have it."""
    running = store.origin() if is_held(workspace.desk / LOCK) else None
    return _public(settings) or running or _origin(settings.host, settings.port)


def make_site(workspace: Workspace, settings: ServeSettings) -> tuple[Site, dict[str, int]]:
    """Open a workspace for annotation: its tasks, pictures, pages and store.

    Returns:
        The site, and the counts of tasks that the store told.

    Raises:
        MissingError: catalogue, questions or tasks are not there.
        InputError: a setting or the template is wrong.
    """
    check_settings(settings)
    taxonomy, plan = read_questions(workspace)
    task_file = workspace.tasks / TEMPLATE
    manifest = workspace.tasks / "manifest.jsonl"
    tasks = read_manifest(manifest) if manifest.is_file() else []
    if not task_file.is_file() or not tasks:
        command = "golden sample" if workspace.experts else "tasks"
        raise MissingError(
            f"no tasks in {workspace.tasks}. Build them with `mumic-annotate {command}`."
        )
    examples = all_examples(taxonomy, workspace.settings.tasks)
    bare = bare_template(taxonomy, workspace.settings.tasks, workspace.templates)
    task_pages = TaskPages(task_file.read_text("utf-8"), bare, list(examples))
    golden = read_golden(workspace, settings, taxonomy, plan)
    shown = {task.image_id for task in tasks} | golden.keys()
    store = Store.open(workspace.desk / DATABASE, rules_of(workspace, settings, taxonomy))
    questions = {question.id: question.classes for question in plan.questions}
    again = {} if workspace.experts else asked_since(workspace.candidates, plan)
    counts = store.load_tasks(
        [(task.image_id, task.questions) for task in tasks], golden, questions, again
    )
    site = Site(
        desk=Desk(store, workspace.answers),
        keys=keys_of(workspace),
        pages=Pages(workspace.templates),
        task_pages=task_pages,
        pictures=read_pictures(workspace, shown, tuple(examples.values())),
        taxonomy=taxonomy,
        settings=settings,
        tasks=workspace.settings.tasks,
        questions=questions,
    )
    return site, counts


def check_settings(settings: ServeSettings) -> None:
    """Make sure that a server can run with these settings.

    Raises:
        InputError: it cannot; the message names the setting.
    """
    check_public_url("public_url", settings.public_url)
    if not 0 <= settings.port <= 65_535:
        raise InputError(f"[serve] port = {settings.port}: a port is 0 to 65535.")
    _check_panel(settings)
    if settings.golden_rate and not settings.golden:
        raise InputError("[serve] golden_rate needs [serve] golden: a CSV with known labels.")


def _check_panel(settings: ServeSettings) -> None:
    link, host = settings.completion_link, urlsplit(settings.completion_link).netloc
    if link and not link.startswith(("https://", "http://")):
        raise InputError("[serve] completion_link must start with https://.")
    if "{" in host:  # whoever sends people must not say where they are sent back to
        raise InputError("[serve] completion_link must name its host itself, without {}.")
    if bool(settings.completion_parameter) != ("{completion}" in link):
        raise InputError(
            "[serve] completion_parameter and {completion} in completion_link belong together: "
            "the value of that query parameter takes its place."
        )


def read_golden(
    workspace: Workspace, settings: ServeSettings, taxonomy: Taxonomy, plan: QuestionPlan
) -> dict[str, dict[str, bool]]:
    """Known labels, by image and class of the questions."""
    if not settings.golden:
        return {}
    catalog = read(CATALOG, workspace.catalog / "images.parquet", ["image_id", "uri"])
    truth = read_truth(workspace.resolve(settings.golden), catalog, taxonomy, workspace.root)
    column = {class_id: at for at, class_id in enumerate(truth.class_ids)}
    asked = [class_id for question in plan.questions for class_id in question.classes]
    return {
        image_id: {class_id: bool(truth.positive[row, column[class_id]]) for class_id in asked}
        for row, image_id in enumerate(truth.image_ids)
    }


def read_pictures(workspace: Workspace, shown: set[str], examples: tuple[str, ...]) -> Pictures:
    """Where the images of the tasks lie."""
    columns = ["image_id", "uri", "content_hash"]
    catalog = read(CATALOG, workspace.catalog / "images.parquet", columns)
    catalog = catalog[catalog["image_id"].isin(shown)]
    places = {
        image_id: Place(uri, content_hash)
        for image_id, uri, content_hash in catalog[columns].itertuples(index=False)
    }
    return Pictures(places, workspace.root, workspace.settings.catalog, examples)


def bind(host: str, port: int) -> socket.socket:
    """Take a port.

    Raises:
        InputError: it is taken, not allowed, or no such address is on this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio turns off Nagle's waiting for sockets that say their protocol, and only for these.
        taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
        taken.listen(WAITING)  # from here on, nobody who has the address is turned away
    except OSError as error:
        raise InputError(
            f"{host}:{port} cannot be listened on ({error.strerror}); is a server running there? "
            "Choose another with --port, or stop the other one."
        ) from error
    return taken


def make_server(site: Site) -> uvicorn.Server:
    """The HTTP server; it writes no access log, because addresses hold tokens."""
    config = uvicorn.Config(
        make_app(site),
        access_log=False,
        log_level="warning",
        server_header=False,
        lifespan="on",
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        # Only where a proxy is declared may a request say whom it comes from.
        proxy_headers=bool(site.settings.public_url),
        forwarded_allow_ips="127.0.0.1,::1",
    )
    return uvicorn.Server(config)


def serve(
    workspace: Workspace,
    settings: ServeSettings,
    on_ready: Callable[[Site, str, dict[str, int]], object],
) -> dict[str, Any]:
    """Serve a workspace's tasks until it is interrupted (ctrl-C or SIGTERM).

    Args:
        workspace: with catalogue, questions and tasks.
        settings: of the server.
        on_ready: called with the site, its origin and the counts of tasks once the port is taken.

    Returns:
        ``answers`` file and its number of ``images``.

    Raises:
        InputError: the port is taken, or another server runs in this workspace.
    """
    busy = "a server runs in this workspace already; stop it first."
    with exclusive(workspace.desk / LOCK, busy=busy):
        site, counts = make_site(workspace, settings)
        with bind(settings.host, settings.port) as port, _in_good_order():
            origin = _public(settings) or _origin(settings.host, port.getsockname()[1])
            site.desk.store.set_origin(origin)
            on_ready(site, origin, counts)
            _without_long_pauses()
            make_server(site).run(sockets=[port])
        lines = site.desk.store.export(workspace.answers)
        return {"folder": str(workspace.answers), "images": lines}


def _without_long_pauses() -> None:
    """Have the garbage collector leave alone what was made so far, mostly imported modules.

    It would walk through all of that again and again, and nobody is answered meanwhile.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)


def _public(settings: ServeSettings) -> str:
    return settings.public_url.rstrip("/")


def _origin(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _in_good_order() -> Iterator[None]:
    """Ctrl-C and SIGTERM end what is inside, not the program.

    The server repeats the signal that ended it.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
