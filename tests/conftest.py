"""Hypothesis profiles: dev by default, ci where CI is set; HYPOTHESIS_PROFILE chooses another."""

import os

from hypothesis import Phase, settings

collect_ignore = ["tools"]  # scripts, for those who have their tools

settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True)
settings.register_profile(
    "mutation",
    deadline=None,
    max_examples=8,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # what fails is not made small: that takes long
)
settings.register_profile("intense", deadline=None, max_examples=2000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)
