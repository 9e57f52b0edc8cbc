"""What all pages share: the store, the judge, the templates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

import jinja2

from kfp_provenance.metadata import LineageIndex
from kfp_provenance.metadata.graph import Selection
from kfp_provenance.web.contents import Uses, uses_of
from kfp_provenance.web.graphs import Recent, Subject
from kfp_provenance.web.pages import environment
from kfp_provenance.web.picture import Picture
from kfp_provenance.web.pool import IndexPool
from kfp_provenance.web.references import Content
from kfp_provenance.web.remembering import remembering
from kfp_provenance.web.settings import WebSettings
from kfp_provenance.web.verdicts import Judge

_PICTURE_SECONDS, _PICTURES = 30, 64
_CHOICE_SECONDS = 120
_USES_SECONDS = 60


@dataclass(frozen=True)
class Choices:
    """What a list can be narrowed to."""

    pipelines: tuple[str, ...]
    types: tuple[str, ...]


@dataclass
class Site:
    """One running page.

    Attributes:
        settings: What it was started with.
        pool: Connections to the store.
        judge: Verdicts.
        templates: Jinja's.
        where: URI of the store, without secrets; known after the first request.
    """

    settings: WebSettings
    pool: IndexPool
    judge: Judge
    everything: ClassVar[Selection] = Selection()
    templates: jinja2.Environment = field(default_factory=environment)

    def __post_init__(self) -> None:
        self._pictures: Recent[Picture] = Recent(_PICTURE_SECONDS, _PICTURES)
        self._choices: Recent[Choices] = Recent(_CHOICE_SECONDS, 1)
        self._uses: Recent[Uses] = Recent(_USES_SECONDS, _PICTURES)
        self.where = ""

    @contextmanager
    def index(self) -> Iterator[LineageIndex]:
        """The store, for the time of one request.

        Raises:
            StoreError: If it cannot be opened.
        """
        with self.pool.index() as index:
            self.where = index.where
            yield remembering(index)

    def picture(self, index: LineageIndex, subject: Subject) -> Picture:
        """A picture; the page and its script ask for the same one.

        Raises:
            StoreError: REFERENCE_UNKNOWN, or if the store cannot be read.
        """
        return self._pictures.get(subject, lambda: subject.draw(index, self.settings.limits))

    def uses(self, index: LineageIndex, content: Content) -> Uses:
        """What came of an artifact; of a popular one it takes seconds to count.

        Raises:
            StoreError: If the store cannot be read.
        """
        return self._uses.get(content.key, lambda: uses_of(index, content, self.settings.limits))

    def choices(self, index: LineageIndex) -> Choices:
        """Pipelines and types in the store, as they were a moment ago.

        Raises:
            StoreError: If the store cannot be read.
        """
        return self._choices.get("", lambda: Choices(index.pipelines(), index.types()))

    def text(self, template: str, **values: object) -> str:
        """A page, or a part of one, from a template."""
        made: str = self.templates.get_template(template).render(
            site=self, limits=self.settings.limits, **values
        )
        return made
