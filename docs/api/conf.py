"""The site of the Python package's interface: `make python-docs` (tools/python_docs.sh)."""

import recryst

project = "recryst"
author = "the authors of recryst"
project_copyright = ""
version = release = recryst.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.viewcode", "numpydoc"]

# Names as users write them, not as the files are cut; members as they stand in the source.
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autosummary_generate = False
# Each page says what it holds; numpydoc is not to list every member once more.
numpydoc_show_class_members = False
# What a docstring lacks is a warning, and a warning ends the build: no docstring, a parameter that does not exist
# or is out of order, a section that is unknown or out of order.
numpydoc_validation_checks = {"GL06", "GL07", "GL08", "PR02", "PR03", "PR10", "SS01", "SS02"}
numpydoc_validation_exclude = {r"\.__\w+__$", r"\._", r"\.TASKS$"}

html_theme = "pydata_sphinx_theme"
html_title = f"recryst {version}"
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
    "show_toc_level": 2,
}
html_sidebars = {"**": []}
