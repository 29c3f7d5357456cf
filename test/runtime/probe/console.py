"""console.py SOCKET: takes a terminal as callers of an OCI runtime do, types into it, and tells as JSON what came of it."""
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import termios


def window(terminal):
    return struct.unpack("4H", fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8)))[:2]


def read_until(terminal, end):
    text = b""
    while end is None or not text.endswith(end):
        try:
            part = os.read(terminal, 4096)
        except OSError:  # EIO: nobody has it open any more
            break
        if part == b"":
            break
        text += part
    return text.decode()


signal.alarm(300)
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind(sys.argv[1])
server.listen()
print("listening", flush=True)
connection, _ = server.accept()
message, descriptors, _, _ = socket.recv_fds(connection, 4096, 8)
terminal = descriptors[0]
seen = {"descriptors": len(descriptors), "named": len(message) > 0, "terminal": os.isatty(terminal), "window": window(terminal)}
seen["first"] = read_until(terminal, b"\n")
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 33, 100, 0, 0))
os.write(terminal, b"hello\n")
seen["rest"] = read_until(terminal, None)
print(json.dumps(seen))
