"""axe-core finds nothing on any kind of page: light, dark, on a telephone, with everything unfolded."""

from typing import Any

import pytest

from .html_pages import Site

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
pytestmark = pytest.mark.slow  # a browser

# "target-size" is in none of axe's default tags.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
SCREENS = {"light": ("light", 1440, 900), "dark": ("dark", 1440, 900), "telephone": ("light", 390, 844)}
# Rows and items in which there is nothing new are left out, as axe takes a minute for all rows of the overview: each
# element in them stands in elements of the same kinds, has attributes of the same names, and text or none, as one that
# is looked at. Kinds are tags with their classes, which all colours and sizes are given to.
ALIKE = """() => {
  const kind = element => `${element.tagName}.${element.getAttribute("class") ?? ""}`;
  const forms = new Map();
  const form = element => {
    if (element === document.body) return "";
    if (!forms.has(element)) forms.set(element, `${form(element.parentElement)} ${kind(element)}`);
    return forms.get(element);
  };
  const whole = element => [form(element), element.getAttributeNames().join(), !element.textContent.trim()].join("|");
  const seen = new Set();
  for (const child of document.querySelectorAll("tbody > tr, li")) {
    const found = [child, ...child.querySelectorAll("*")].map(whole);
    if (found.every(each => seen.has(each))) child.remove();
    found.forEach(each => seen.add(each));
  }
}"""
OPEN = "() => document.querySelectorAll('details').forEach(details => { details.open = true; })"


def kinds(site: Site) -> list[str]:
    """One page of each kind: those of the menu, and of each folder the longest, which has most on it."""
    folders = {address.rpartition("/")[0] for address in site.pages} - {""}
    longest = [
        max((a for a in site.pages if a.startswith(f"{folder}/")), key=lambda a: (site.folder / a).stat().st_size)
        for folder in sorted(folders)
    ]
    return [address for address in site.pages if "/" not in address] + longest


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing(browser: Any, committed: Site, screen: str) -> None:
    scheme, width, height = SCREENS[screen]
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", offline=True
    )
    page.set_default_timeout(60_000)
    found = []
    for address in kinds(committed):
        page.goto((committed.folder / address).as_uri())
        page.evaluate(OPEN)
        page.evaluate(ALIKE)
        result = axe.Axe().run(page, options={"runOnly": TAGS, "resultTypes": ["violations"]})
        found += [
            (address, violation["id"], len(violation["nodes"]), violation["nodes"][0]["html"][:200])
            for violation in result.response["violations"]
        ]
    page.close()
    assert found == []
