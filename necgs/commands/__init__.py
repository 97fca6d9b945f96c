"""One module per command of ``python -m necgs``; each adds its parser and runs. None imports anything heavy."""
