"""Pages of runs are made as those of datasets are."""

from annotate.pages import STYLE, data_uri, pictures, write_page

__all__ = ["STYLE", "data_uri", "pictures", "write_page"]
