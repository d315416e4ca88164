"""Hypothesis profiles: dev by default, ci where CI is set; HYPOTHESIS_PROFILE chooses another."""

import os

from hypothesis import settings

collect_ignore = ["checkpoint/fuzz.py"]  # a script, for those who have atheris

settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("intense", deadline=None, max_examples=2000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)
