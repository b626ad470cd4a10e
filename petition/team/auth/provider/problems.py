"""Why nobody was signed in by the provider: each with what to say to the person."""

from typing import ClassVar

from flask_babel import gettext as _

from petition.core.exceptions import DomainError
from petition.core.i18n import N_


class ProviderProblem(DomainError):
    """Nobody was signed in. `TEXT`: what happened and what to do; `%(label)s` is the provider's name on the button."""

    TEXT: ClassVar[str] = ""

    def message(self, label: str) -> str:
        """Return the text in the reader's language."""
        return _(self.TEXT) % {"label": label}


class ProviderUnreachable(ProviderProblem):
    """The provider does not answer, in time, with something that can be used."""

    TEXT = N_(
        "%(label)s does not answer at the moment. Try again in a minute, or sign in with your password or a passkey."
    )


class NotBegunHere(ProviderProblem):
    """The state is none of this browser's, was used before, or is too old."""

    TEXT = N_(
        "This sign-in was begun in another browser or more than ten minutes ago, or is finished already. Please start "
        "again."
    )


class RefusedByProvider(ProviderProblem):
    """The provider did not sign the person in, or the person cancelled."""

    TEXT = N_("%(label)s did not sign you in. Please try again, or sign in with your password.")


class InvalidAnswer(ProviderProblem):
    """What came as the provider's answer is not signed by it, for us, now, and for this sign-in."""

    TEXT = N_(
        "The answer of %(label)s could not be verified, so you are not signed in. Please try again; if it happens "
        "again, tell an administrator."
    )


class AddressNotVerified(ProviderProblem):
    """The provider names no address that can be an account's, or does not say that it has verified it."""

    TEXT = N_(
        "%(label)s does not say that your email address is verified, so no account can be found by it. Verify it "
        "there, or sign in with your password."
    )


class NotAdmitted(ProviderProblem):
    """The address's domain, a claim or the roles do not admit the person."""

    TEXT = N_(
        "Your account at %(label)s does not give access to these pages. Whoever manages the accounts there can change "
        "that."
    )


class NoAccount(ProviderProblem):
    """No account has the person's address, and none is made by the provider's roles."""

    TEXT = N_(
        "There is no account here for your address at %(label)s. Ask an administrator of the team to invite you, then "
        "try again."
    )


class AccountDeactivated(ProviderProblem):
    """The account was deactivated: its owner does not come back by the provider."""

    TEXT = N_("Your account here is deactivated. An administrator of the team can activate it again.")


class LinkedToAnother(ProviderProblem):
    """The account with this address is linked to another person at the provider."""

    TEXT = N_(
        "The account with your address is linked to another account at %(label)s. If that one was yours, an "
        "administrator of the team can undo the link."
    )


class NotFresh(ProviderProblem):
    """The provider did not ask again who it is, or somebody else answered."""

    TEXT = N_("%(label)s did not confirm just now that it is you. Please use another way, or sign out and in again.")
