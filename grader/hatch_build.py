"""Puts the course into the wheel: course.yml, lab texts with solutions, and sample plugins."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CourseData(BuildHookInterface):  # type: ignore[type-arg] # hatchling's own default
    """An editable install reads the course in the repository; only a real wheel gets a copy."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files that lie outside the package's folder."""
        if version == "standard":
            repository = Path(self.root).parent
            inside = "kernel_sim_grader/course_data"
            build_data["force_include"] = {
                str(repository / "LICENSE"): "kernel_sim_grader/LICENSE",
                str(repository / "course.yml"): f"{inside}/course.yml",
                str(repository / "labs"): f"{inside}/labs",
                str(Path(self.root) / "corpus"): f"{inside}/corpus",
            }
