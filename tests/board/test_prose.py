"""Texts of files as HTML."""

import pytest

from bench.board.prose import breakable, inline, prose


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("keeps `keep` of them", "keeps <code>keep</code> of them"),
        ("`a <b>` & c", "<code>a &lt;b&gt;</code> &amp; c"),
        ("one ` is no code", "one ` is no code"),
        ("`a` and one ` more", "<code>a</code> and one ` more"),
        ("costs 4x the sampling", "costs 4× the sampling"),
        ("keep x n^2 distances", "keep × n² distances"),
        ("8x8 digits, 0x1f, x x y^20", "8x8 digits, 0x1f, x × y^20"),
        ("a\n  b", "a b"),
        ("<script>hostile(1)</script>", "&lt;script&gt;hostile(1)&lt;/script&gt;"),
        ("`</code><script>`", "<code>&lt;/code&gt;&lt;script&gt;</code>"),
    ],
)
def test_code_and_signs_of_a_line(text: str, html: str):
    assert inline(text) == html


def test_paragraphs_and_lists():
    text = "One\nline.\n\nTwo rules:\n- `greedy`: first\n  and more\n- second\nAfter it.\n\n\n\n- alone"
    assert prose(text).split("\n") == [
        "<p>One line.</p>",
        "<p>Two rules:</p>",
        "<ul><li><code>greedy</code>: first and more</li><li>second</li></ul>",
        "<p>After it.</p>",
        "<ul><li>alone</li></ul>",
    ]


def test_hostile_lists_are_harmless():
    assert prose("- <img src=x onerror=hostile(1)>") == "<ul><li>&lt;img src=x onerror=hostile(1)&gt;</li></ul>"
    assert prose("") == ""


def test_a_name_breaks_after_its_underscores():
    assert breakable("accumulate_subsample<b>") == "accumulate_<wbr>subsample&lt;b&gt;"
