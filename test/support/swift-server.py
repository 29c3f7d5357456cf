"""OpenStack Swift with its S3 API, whole, in one process: swift-server.py FOLDER ACCESS-KEY SECRET [conditions]. Prints the port; ends with its standard input."""
import os
import sys
from time import time as now

import eventlet

eventlet.monkey_patch(thread=False)

from eventlet import wsgi
from swift.common import utils
from swift.common.ring import RingBuilder
from swift.common.wsgi import loadapp

folder, access, secret, *more = sys.argv[1:]
USER = access.replace(":", "_")  # tempauth: user_ACCOUNT_NAME
utils.HASH_PATH_SUFFIX = b"strata"
utils.validate_hash_conf = lambda: None

PLAIN = """[DEFAULT]
devices = {folder}/devices
swift_dir = {folder}
mount_check = false
log_level = ERROR
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
disable_fallocate = true
fallocate_reserve = 0
container_update_timeout = 30
"""

PROXY = """[DEFAULT]
swift_dir = {folder}
log_level = ERROR
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats s3api tempauth copy slo dlo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:cache]
paste.filter_factory = __main__:with_cache
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_{user} = {secret} .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
node_timeout = 60
client_timeout = 120
recheck_container_existence = 0
"""


class Cache:
    """Of this one process, in memcached's place: else each request asks a server that is not there, and then the account anew."""

    def __init__(self):
        self.kept = {}

    def get(self, key, raise_on_error=False):
        value, until = self.kept.get(key, (None, 0))
        return value if until > now() else None

    def set(self, key, value, serialize=True, time=0, min_compress_len=0, raise_on_error=False):
        self.kept[key] = (value, now() + time if time > 0 else float("inf"))

    def incr(self, key, delta=1, time=0):
        value = max(0, int(self.get(key) or 0) + int(delta))
        self.set(key, value, time=time)
        return value

    def decr(self, key, delta=1, time=0):
        return self.incr(key, -int(delta), time)

    def delete(self, key, server_key=None):
        self.kept.pop(key, None)


def with_cache(global_conf, **local_conf):
    cache = Cache()

    def around(app):
        def call(env, start_response):
            env["swift.cache"] = cache
            return app(env, start_response)

        return call

    return around


def let_conditions_pass():
    """Swift keeps the conditions of a write itself; this release's S3 layer refuses them before it asks."""
    from swift.common.middleware.s3api.s3request import S3Request

    check = S3Request._validate_headers

    def without_condition(self):
        condition = self.headers.pop("If-None-Match", None)
        check(self)
        if condition is not None:
            self.headers["If-None-Match"] = condition

    S3Request._validate_headers = without_condition


def write(name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def serve(kind, text, listener):
    path = write(kind + ".conf", text.format(folder=folder, kind=kind, user=USER, secret=secret))
    app = loadapp(path, global_conf={"log_requests": "false"})
    return eventlet.spawn(wsgi.server, listener, app, log=None, log_output=False, protocol=wsgi.HttpProtocol)


if "conditions" in more:
    let_conditions_pass()
os.makedirs(os.path.join(folder, "devices", "d1"), exist_ok=True)
listeners = {kind: eventlet.listen(("127.0.0.1", 0)) for kind in ("account", "container", "object")}
for kind, listener in listeners.items():
    builder = RingBuilder(2, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1", "port": listener.getsockname()[1], "device": "d1"})
    builder.rebalance()
    builder.get_ring().save(os.path.join(folder, kind + ".ring.gz"))
for kind, listener in listeners.items():
    serve(kind, PLAIN, listener)
front = eventlet.listen(("127.0.0.1", 0))
serve("proxy", PROXY, front)
print("ready on %d" % front.getsockname()[1], flush=True)
eventlet.hubs.trampoline(0, read=True)  # nothing is ever written: whoever started it is gone

