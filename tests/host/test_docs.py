"""What the docs name exists: files, make targets, links between pages."""

import re
from pathlib import Path

import pytest

from adder.board import ROOT, load_board

PAGES = [
    ROOT / "README.md",
    ROOT / "apps" / "README.md",
    ROOT / "tests" / "apps" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
TOP = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")} - {"build"}
FOLDERS = (ROOT, ROOT / "renode")
"""What names begin in; docs/simulation.md has a table of renode/."""

HELD_BY_A_TEST = {"add-a-board.md", "write-a-capsule.md"}
"""Pages whose files are made by whoever follows them; tests do."""


def anchor(heading: str) -> str:
    """A heading's link, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)\s]+)\)", page.read_text()):
        path, _, fragment = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        if fragment:
            headings = re.findall(r"(?m)^#+ (.*)$", target.read_text())
            assert fragment in map(anchor, headings), link


def links_of(page: Path) -> set[Path]:
    """Where a page leads to."""
    links = re.findall(r"\]\((?!http)([^)#\s]+)[^)\s]*\)", page.read_text())
    return {(page.parent / link).resolve() for link in links}


def test_what_a_newcomer_looks_for_is_three_hops_from_the_readme_at_most() -> None:
    table = (ROOT / "docs" / "README.md").read_text().partition("## Where is")[2]
    rows = re.findall(r"(?m)^\| (.+\?) \| \[[^]]+\]\((\S+)\) \| `([^`]+)` \|$", table)
    assert len(rows) >= 10
    near = {ROOT / "README.md"}
    for _ in range(2):
        near |= {link for page in near if page.suffix == ".md" for link in links_of(page)}
    for question, link, name in rows:
        target = (ROOT / "docs" / link).resolve()
        assert target in near, question
        assert name in target.read_text(), f"{question} {name} is not in {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_page_is_found_from_the_readme(page: Path) -> None:
    near = {ROOT / "README.md"}
    for _ in range(3):
        near |= {link for found in near if found.suffix == ".md" for link in links_of(found)}
    assert page in near


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_is_named_is_there(page: Path) -> None:
    if page.name in HELD_BY_A_TEST:
        return
    for name in re.findall(r"`([\w.-]+/[\w./-]*)`", page.read_text()):
        if name.split("/")[0] in TOP and not re.search(r"[A-Z]{3}", name):  # CHIP and NAME stand for something
            assert any((folder / name).exists() for folder in FOLDERS), name


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in HELD_BY_A_TEST],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_code_that_is_quoted_from_a_file_stands_there(page: Path) -> None:
    for path, quoted in quotations(page):
        assert quoted in (ROOT / path).read_text(), f"{path} says otherwise:\n{quoted}"


def quotations(page: Path) -> list[tuple[str, str]]:
    return re.findall(r"(?ms)^```\w+ (\S+)\n(.*?)^```$", page.read_text())


def test_some_page_quotes_code_from_a_file() -> None:
    assert any(quotations(page) for page in PAGES if page.name not in HELD_BY_A_TEST)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_make_target_that_is_named_is_one(page: Path) -> None:
    texts = (ROOT / "Makefile").read_text() + (ROOT / "apps" / "apps.mk").read_text()
    targets = set(re.findall(r"(?m)^([a-z-]+):", texts))
    named = set(re.findall(r"(?:`|^|\$ )make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE))
    assert named <= targets


def test_the_drawing_of_the_memory_has_the_chip_s_addresses() -> None:
    board = load_board("nrf52840")
    borders = [board.app_flash.start, board.storage.start, board.storage.end]
    ram = board.ram
    drawing = (ROOT / "docs" / "architecture.md").read_text().split("```")[1]
    assert re.findall(r"(?m)^0x[0-9A-F]+", drawing) == ["0x00000", *(f"0x{border:05X}" for border in borders)]
    assert re.findall(r"0x2[0-9A-F]+", drawing) == [f"0x{ram.start:08X}", f"0x{ram.end:08X}"]


def test_pictures_in_the_docs_are_drawn_by_something_in_the_tree() -> None:
    shown = [link for page in PAGES for link in re.findall(r"!\[[^\]]+\]\((\S+?)\)", page.read_text())]
    assert shown
    makers = (ROOT / "Makefile").read_text()
    assert all(Path(link).name in makers for link in shown)


def test_the_pages_have_links_and_name_files() -> None:
    text = "".join(page.read_text() for page in PAGES)
    assert len(re.findall(r"\]\((?!http)([^)\s]+)\)", text)) > 30
    assert len(re.findall(r"`([\w.-]+/[\w./-]*)`", text)) > 100


def test_the_readme_says_how_many_tests_there_are(counted: tuple[int, int]) -> None:
    functions, cases = counted
    said = f"{functions:,} test functions, {cases:,} cases"
    assert said in " ".join((ROOT / "README.md").read_text().split()), f"README.md: it is {said}"


def test_each_table_has_a_head_and_none_is_cut_by_an_empty_line() -> None:
    looked_at = 0
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text())
        for table in re.findall(r"(?m)^\|.*(?:\n\|.*)*", text):
            rows = table.splitlines()
            assert len(rows) > 2, f"{page.name}: {rows[0]}"
            assert re.fullmatch(r"\|([ :-]+\|)+", rows[1]), f"{page.name}: {rows[0]}"
            cells = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
            assert cells == [cells[0]] * len(rows), f"{page.name}: a row of another table's in that of {rows[0]}"
            looked_at += 1
    assert looked_at > 40


def test_the_table_of_the_library_says_in_words_what_each_module_has() -> None:
    text = (ROOT / "docs" / "python-apps.md").read_text()
    rows = re.findall(r"(?m)^\| (`.+) \| (.+) \|$", text.split("| module | what |\n", 1)[1].split("\n\n", 1)[0])
    told = {name for modules, _ in rows for name in re.findall(r"`adder\.(\w+)`", modules)}
    there = {path.stem for path in (ROOT / "apps" / "library" / "adder").glob("[!_]*.py")} - {"upcall"}
    assert there <= told, f"no rows: {there - told}"
    assert len(rows) > 15
    for modules, what in rows:
        assert "(" in what or what.count("`") > 2, f"{modules}: {what}"


def test_the_table_of_wings_has_each_part_of_the_tool_that_has_layers() -> None:
    text = (ROOT / "docs" / "contributing.md").read_text().split("## The host tool", 1)[1].split("## ", 1)[0]
    told = re.findall(r"`adder/([\w]+)(?:/|\.py)`", text)
    wings = {folder.name for folder in (ROOT / "adder").iterdir() if (folder / "__init__.py").exists()}
    assert len(wings) > 8
    assert wings <= set(told), f"no wings of docs/contributing.md: {wings - set(told)}"
