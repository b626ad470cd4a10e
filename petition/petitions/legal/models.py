"""The table of legal imprint."""

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model

WHOLE_SITE = 0  # the number of the notice that stands for every petition without one of its own


class LegalNotice(Model):
    """What French law has every publisher say (LCEN, article 1-1, which was article 6 III), and the privacy notice."""

    __tablename__ = "imprints"

    # A petition's number, or `WHOLE_SITE`.
    petition_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    publisher: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(500))
    contact: Mapped[str] = mapped_column(String(300))
    director: Mapped[str] = mapped_column(String(200))
    # Who hosts the site: name, address, telephone.
    host: Mapped[str] = mapped_column(String(600))
    # By language: `privacy`, and `legal` for what else the notice says, in Markdown.
    texts: Mapped[dict[str, dict[str, str]]] = mapped_column(JSONB)
    changed_at: Mapped[datetime]
    # Incremented by every change, for the optimistic lock.
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    @property
    def is_of_site(self) -> bool:
        """Whether it stands for every petition without one of its own."""
        return self.petition_id == WHOLE_SITE

    def text_in(self, language: str) -> tuple[str, dict[str, str]]:
        """Return a language and the texts in it: this one, or the first that there is."""
        chosen = language if language in self.texts else next(iter(self.texts))
        return chosen, self.texts[chosen]
