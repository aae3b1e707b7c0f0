"""Who may do what in the app. Rules only: who somebody is, is found out in :mod:`fkd.ui.door`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

__all__ = ["SAVING", "Person", "Right", "Rules"]

# Who may save corrections: anybody, whoever came by the link for annotators, or whoever is logged in.
SAVING = ("open", "link", "login")


class Right(Enum):
    """What somebody may do. The value completes “Only an owner of this app may …”."""

    LOOK = "look at the page"
    PREDICT = "open photos and edit their points"
    FOLLOW = "follow the faces of a clip"
    SAVE = "save corrections"
    SEE_ALL = "see what others saved"
    IMPORT = "import labels"
    TUNE = "fine-tune"
    PROMOTE = "promote a version"
    ROLL_BACK = "roll back to an earlier version"
    PUSH = "push to the Hub"


@dataclass(frozen=True)
class Person:
    """Somebody who uses the app, as far as the server can tell.

    Attributes:
        name: the user name that they logged in with, on the Hugging Face Hub or by ``--auth``; "" if they did not.
        address: whom limits count: a network address.
        local: at the machine that the app runs on, and nobody else can reach it.
        has_link: came by the link for annotators.
        has_password: gave the owner's password.
    """

    name: str = ""
    address: str = ""
    local: bool = False
    has_link: bool = False
    has_password: bool = False


@dataclass(frozen=True)
class Rules:
    """Who may do what.

    Attributes:
        saving: one of `SAVING`.
        owners: user names that own the app; upper and lower case are the same, as they are on the Hub.
        public: whether others than the person at this machine can reach the app.
        owner_password: makes whoever gives it an owner; "" if there is none.
        link_key: what the link for annotators carries; "" if there is none.
    """

    saving: str = "open"
    owners: frozenset[str] = frozenset()
    public: bool = False
    owner_password: str = field(default="", repr=False)
    link_key: str = field(default="", repr=False)

    def owns(self, person: Person) -> bool:
        """Whether somebody is an owner of the app: then they may do everything, without limits."""
        owners = {owner.lower() for owner in self.owners}
        return (person.local and not self.public) or person.has_password or person.name.lower() in owners - {""}

    def may(self, person: Person, right: Right) -> bool:
        """Whether `person` has a right."""
        if right in (Right.LOOK, Right.PREDICT, Right.FOLLOW) or self.owns(person):
            return True
        if right is not Right.SAVE:
            return False
        return {"open": True, "link": person.has_link, "login": bool(person.name)}[self.saving]

    def refusal(self, right: Right) -> str:
        """What somebody who does not have a right is told, and what they can do about it."""
        if right is Right.SAVE and self.saving == "link":
            return "Saving needs the link for annotators, which the owner of this app gives out. Nothing was saved."
        if right is Right.SAVE:
            return "Log in to save; until then, you can predict and edit. Nothing was saved."
        return f"Only an owner of this app may {right.value}. If you are one, log in, or give the owner's password."
