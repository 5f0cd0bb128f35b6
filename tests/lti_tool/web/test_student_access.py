"""Everybody can read and use every page: axe in both schemes at three widths, other languages, zoom, forced colours."""

from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH

from lti_tool.pseudo import LONGER, RIGHT_TO_LEFT
from tests.lti_tool.web.stages import sent_back

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCHEMES, WIDTHS = ("light", "dark"), (1280, 760, 320)
AXE = AXE_FILE_PATH.read_text(encoding="utf-8")
VIOLATIONS = """tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']}).then(found =>
    found.violations.map(each => [each.id, each.nodes.map(node => node.html).slice(0, 3)]))"""
SIDEWAYS = """[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1
    && !e.closest('.canvas, .scroll, .vh, svg')).map(e => e.outerHTML.slice(0, 80)).slice(0, 3)"""
FITS = "document.documentElement.scrollWidth <= innerWidth"
FOCUS = """() => {
    const e = document.activeElement;
    if (!e || e === document.body) return null;
    const box = e.getBoundingClientRect(), bar = document.querySelector('.bar').getBoundingClientRect();
    const inBar = Boolean(e.closest('.bar, .skip'));
    return {inBar, under: Math.max(0, bar.bottom), top: box.top, bottom: box.bottom, html: e.outerHTML.slice(0, 80)};
}"""
# Everything that should take part in the order of Tab: one of each group of radio buttons, one part of a drawing.
MARK_CONTROLS = """() => {
    const controls = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
    const visible = e => e.checkVisibility({visibilityProperty: true});
    const wanted = [...document.querySelectorAll(controls)].filter(e => {
        if (e.disabled || e.tabIndex < 0 || e.type === 'hidden' || !visible(e)) return false;
        const group = e.type === 'radio' ? [...document.getElementsByName(e.name)].filter(visible) : [e];
        return (group.find(one => one.checked) || group[0]) === e;
    });
    wanted.forEach(e => e.setAttribute('data-want', ''));
    return wanted.length;
}"""
RINGLESS = """() => {
    const e = document.activeElement;
    if (!e || e === document.body) return [];
    e.removeAttribute('data-want');
    const ring = getComputedStyle(e);
    return ring.outlineStyle === 'none' ? [e.outerHTML.slice(0, 100)] : [];
}"""
SHOWN = "[...document.querySelectorAll('[hidden]')].filter(e => getComputedStyle(e).display !== 'none').length"


def look(page: Any, width: int, scheme: str) -> list[Any]:
    """What axe finds on the page as it is now."""
    # So tall that nothing lies under the sticky bar, which axe would count as too small to hit.
    page.set_viewport_size({"width": width, "height": 4000})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(AXE)
    return page.evaluate(VIOLATIONS, TAGS)


def speak(world, language: str) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {**link.settings, "language": language}


def test_axe_sees_what_is_wrong(open_page, paths) -> None:
    page = open_page("help")
    page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    assert [each[0] for each in look(page, 320, "dark")] == ["image-alt"]


def test_every_page_in_both_schemes_at_three_widths(open_page, paths) -> None:
    page = open_page("help", quiet=True)
    start = page.url.removesuffix("help")
    for name, path in paths.items():
        page.goto(start + path)
        for width in WIDTHS:
            for scheme in SCHEMES:
                assert (name, width, scheme, look(page, width, scheme)) == (name, width, scheme, [])
            assert (name, width, page.evaluate(FITS)) == (name, width, True), page.evaluate(SIDEWAYS)
        assert (name, page.evaluate(SHOWN)) == (name, 0)


def test_work_that_came_back_in_every_language_at_three_widths(open_page, world, sample_texts) -> None:
    paths = sent_back(world, sample_texts)
    page = open_page("help", quiet=True)
    start = page.url.removesuffix("help")
    for language in ("", LONGER, RIGHT_TO_LEFT):
        speak(world, language)
        for name, path in paths.items():
            page.goto(start + path)
            for width in WIDTHS:
                assert (name, width, look(page, width, "dark")) == (name, width, [])
                assert (name, width, page.evaluate(FITS)) == (name, width, True), page.evaluate(SIDEWAYS)


@pytest.mark.parametrize("language", [LONGER, RIGHT_TO_LEFT])
def test_longer_words_and_the_other_direction_fit_the_frame(open_page, world, paths, language: str) -> None:
    speak(world, language)
    page = open_page("help", quiet=True)
    start = page.url.removesuffix("help")
    for name, path in paths.items():
        page.goto(start + path)
        assert page.get_attribute("html", "lang") == language
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert (name, width, page.evaluate(FITS)) == (name, width, True), page.evaluate(SIDEWAYS)
        assert (name, look(page, 320, "light")) == (name, [])


def test_every_control_of_every_page_is_reached_by_tab_and_shows_it(open_page, paths) -> None:
    page = open_page("help", quiet=True)
    start = page.url.removesuffix("help")
    for name, path in paths.items():
        page.goto(start + path)
        page.wait_for_load_state("load")
        count = page.evaluate(MARK_CONTROLS)
        unseen = []
        for _ in range(count + 2):
            page.keyboard.press("Tab")
            unseen += page.evaluate(RINGLESS)
        assert (name, unseen) == (name, [])
        left = "[...document.querySelectorAll('[data-want]')].map(e => e.outerHTML.slice(0, 100))"
        assert (name, page.evaluate(left)) == (name, [])
        assert count > 0


def test_zoomed_to_400_percent_in_a_frame_of_450_pixels_nothing_hides_the_focus(open_page, paths) -> None:
    """1280 x 450 at 400 % is 320 x 112 CSS pixels; what has the focus stands below the bar (WCAG 2.4.11)."""
    page = open_page("help", quiet=True)
    start = page.url.removesuffix("help")
    page.set_viewport_size({"width": 320, "height": 112})
    for name in ("path", "vocabulary", "warm-up", "pitch", "draw", "appeal", "result"):
        page.goto(start + paths[name])
        assert (name, page.evaluate(FITS)) == (name, True)
        seen = 0
        for _ in range(60):
            page.keyboard.press("Tab")
            place = page.evaluate(FOCUS)
            if place is None:
                break
            seen += 1
            visible = place["bottom"] > place["under"] and place["top"] < 112
            assert place["inBar"] or visible, (name, place)
        assert seen > 5


def test_in_forced_colours_states_and_borders_survive(open_page, paths) -> None:
    page = open_page(paths["result"])
    page.emulate_media(forced_colors="active")
    line = page.eval_on_selector("mark", "e => getComputedStyle(e).textDecorationLine")
    assert line == "underline"
    border = page.eval_on_selector(".crit .q", "e => getComputedStyle(e).borderInlineStartStyle")
    assert border == "solid"
    filled, hollow = (
        page.eval_on_selector(f".cells i{state}", "e => getComputedStyle(e).backgroundColor")
        for state in (".f", ":not(.f)")
    )
    assert filled != hollow


def test_nothing_moves_where_less_motion_is_asked_for(open_page, paths) -> None:
    page = open_page(paths["vocabulary"])
    page.emulate_media(reduced_motion="reduce")
    moving = """[...document.querySelectorAll('*')].filter(e => { const s = getComputedStyle(e);
        return parseFloat(s.animationDuration) > 0 || parseFloat(s.transitionDuration) > 0; }).length"""
    assert page.evaluate(moving) == 0


def test_one_polite_region_a_page(open_page, paths) -> None:
    page = open_page("help")
    start = page.url.removesuffix("help")
    for name in ("vocabulary", "warm-up", "pitch", "draw", "judging", "reference"):
        page.goto(start + paths[name])
        assert (name, page.locator("[role=status], [aria-live]").count()) == (name, 1)
