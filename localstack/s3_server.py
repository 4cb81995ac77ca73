"""LocalStack's S3 in one process: s3_server.py FOLDER. Everything else comes by environment (see s3.sh).

Two faults of a plain `python -m localstack.runtime.main` are mended here. Object bytes go to one fixed temporary folder that
all LocalStacks of a machine share, so that deleting a bucket in one removes its namesake's in another. And the server ignores
the host in GATEWAY_LISTEN and opens its port to the network.
"""

import os
import sys

import localstack.services.s3.provider as provider
from twisted.internet import endpoints

provider.DEFAULT_S3_TMP_DIR = os.path.join(sys.argv.pop(1), "objects")
os.makedirs(provider.DEFAULT_S3_TMP_DIR, exist_ok=True)

open_everywhere = endpoints.TCP4ServerEndpoint
endpoints.TCP4ServerEndpoint = lambda reactor, port: open_everywhere(reactor, port, interface="127.0.0.1")

from localstack.runtime.main import main  # noqa: E402  after the patches

main()
