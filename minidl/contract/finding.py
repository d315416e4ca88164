"""One mistake that was found: which check, whose gradient, what, and the numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One mistake.

    Attributes
    ----------
    check : str
        Which check found it: a law, by the name it has in `minidl.testing.laws`, "gradient",
        "precision", or a variant, such as "variant: ties".
    tensor : str
        Whose gradient it concerns, "weight" or "input 0"; empty if it is about the layer.
    mistake : str
        The name of the mistake, such as "constant-factor"; `minidl.contract.laws` has a table.
    sentence : str
        One sentence for a person.
    evidence : str
        The numbers.
    """

    check: str
    tensor: str
    mistake: str
    sentence: str
    evidence: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the finding as a dict; `mistake` stands under the key ``"class"``."""
        return {"class" if key == "mistake" else key: item for key, item in vars(self).items()}
