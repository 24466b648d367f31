"""An HTML page, parsed to what tests ask about."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "input", "img", "br"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text inside, with single spaces."""
        return " ".join(" ".join(self._strings()).split())

    @property
    def raw(self) -> str:
        return "".join(self._strings())

    def _strings(self) -> list[str]:
        found: list[str] = []
        for child in self.children:
            found += [child] if isinstance(child, str) else child._strings()
        return found

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Elements inside with this tag ("": any) and these attributes. `class_` finds one class."""
        found = []
        for child in self.children:
            if isinstance(child, str):
                continue
            if tag in ("", child.tag) and child._has(attributes):
                found.append(child)
            found += child.all(tag, **attributes)
        return found

    def one(self, tag: str, **attributes: str) -> Element:
        (found,) = self.all(tag, **attributes)
        return found

    def _has(self, wanted: dict[str, str]) -> bool:
        for name, value in wanted.items():
            given = self.attributes.get(name.rstrip("_"), "")
            if value not in (given.split() if name == "class_" else [given]):
                return False
        return True


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, {n: v or "" for n, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> where <{self.open[-1].tag}> is open"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(html: str) -> Element:
    """The page. Fails where elements do not nest."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert parser.open == [parser.root], "an element is not closed"
    return parser.root
