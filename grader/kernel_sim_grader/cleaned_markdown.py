"""Markdown and raw cells as HTML in which nothing runs, for pages that an instructor opens.

nbgrader shows a student's markdown as it is: a script in it runs with the rights of whoever reads
the page, and in the formgrader that is who gives the grades. Here what is no text, picture or link
is shown as the letters that it was typed in.
"""

from functools import lru_cache
from typing import Final

from nbconvert.filters import markdown2html
from nbconvert.preprocessors.sanitize import SanitizeHTML

HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS: Final = ("blockquote", "br", "details", "div", "hr", "p", "pre", "summary")
LISTS: Final = ("dd", "dl", "dt", "li", "ol", "ul")
TABLES: Final = ("caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr")
LETTERS: Final = ("abbr", "b", "del", "em", "i", "ins", "s", "small", "strong", "sub", "sup", "u")
INLINE: Final = ("a", "code", "img", "kbd", "samp", "span", "var", *LETTERS)
ATTRIBUTES: Final = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "details": {"open"},
    "td": {"colspan", "rowspan", "style"},
    "th": {"colspan", "rowspan", "style"},
}
SHORT: Final = 3
"""Letters of the longest class that pygments gives to a word of a program."""


@lru_cache(maxsize=4096)
def cleaned_markdown(source: str) -> str:
    """The HTML of a cell, without what could run; a course's own cells are worked out once."""
    return cleaned_html(markdown2html(source))


def cleaned_html(html: str | bytes) -> str:
    """HTML without what could run."""
    text = html.decode("utf-8", "replace") if isinstance(html, bytes) else html
    cleaned: str = CLEANER.sanitize_html_tags(text)
    return cleaned


def _is_allowed(tag: str, name: str, value: str) -> bool:
    """Whether an element may keep an attribute.

    A name of the page's own must not be taken: the formgrader finds its buttons by class, and its
    fields by id.
    """
    if name == "id":
        return tag in HEADINGS
    if name == "class":
        return all(
            word in {"highlight", "anchor-link"} or word.startswith("hl-") or len(word) <= SHORT
            for word in value.split()
        )
    return name in ATTRIBUTES.get(tag, ())


CLEANER: Final = SanitizeHTML(
    tags=[*HEADINGS, *BLOCKS, *LISTS, *TABLES, *INLINE], attributes=_is_allowed
)
