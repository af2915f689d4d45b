"""Builds the compiled core. Everything else is in pyproject.toml."""

import glob
import os

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

debug = os.environ.get("PAIFANG_DEBUG_CORE") == "1"

extension = Extension(
    "edge._verify",
    ["edge/_verify.pyx"],
    depends=glob.glob("edge/_verify_*.pxi"),
    extra_compile_args=["-O0", "-g"] if debug else ["-O3"],
    extra_link_args=["-ldl"],
)

setup(
    packages=["paifang", "paifang.v1", "paifang.etcd", *find_packages(include=["edge", "edge.*", "cloud", "cloud.*"])],
    package_dir={"paifang": "proto/paifang"},
    package_data={
        "paifang": ["py.typed"],
        "edge": ["*.pyi", "systemd/*"],
        "cloud": ["**/templates/**", "**/static/**", "locale/**"],
    },
    ext_modules=cythonize([extension], compiler_directives={"language_level": 3, "boundscheck": debug}),
)
