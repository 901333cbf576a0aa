"""``python -m service.cli`` is ``fiduciary``."""

from service.cli.main import main

main()
