"""`make corpus`: all real and hostile files beside the project, through all operations.

The files and what is to become of each are in `../shared/media/MANIFEST.tsv`; `python -m
tests.corpus FOLDER` reads any folder of that form.
"""
