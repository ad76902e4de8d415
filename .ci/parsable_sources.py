"""Sources that clang-tidy 14 can parse, one a line: all of dicom, pipeline and server but those that see LibTorch 1.13 or
ITK 5.2, whose headers clang 14 does not take as C++20. Run from the top of the checkout."""

import functools
import pathlib
import re
import subprocess

INCLUDE = re.compile(r'^#include ([<"])([^>"]+)[>"]', re.MULTILINE)


@functools.cache
def sees_foreign(file):
    """Whether `file`, or a header of ours that it includes however deep, includes LibTorch or ITK."""
    for bracket, name in INCLUDE.findall(pathlib.Path(file).read_text()):
        if bracket == "<" and re.match(r"torch/|ATen/|c10/|itk", name):
            return True
        if bracket == '"' and pathlib.Path(name).exists() and sees_foreign(name):
            return True
    return False


sources = subprocess.check_output(["git", "ls-files", "dicom/*.cpp", "pipeline/*.cpp", "server/*.cpp"], text=True).split()
print("\n".join(source for source in sources if not sees_foreign(source)))
