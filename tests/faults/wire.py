"""DICOM's upper layer and DIMSE, byte by byte (PS3.8 section 9.3, PS3.7 section 9.3), for peers that say exactly what
they are told to, and for small images that are made in microseconds."""

import socket
import struct

VERIFICATION = "1.2.840.10008.1.1"
MR = "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, JPEG_2000 = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.90"

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
LONG_VRS = {"OB", "OD", "OF", "OL", "OW", "SQ", "UC", "UN", "UR", "UT"}


def pdu(kind, content):
    return struct.pack(">BBI", kind, 0, len(content)) + content


def item(kind, content):
    return struct.pack(">BBH", kind, 0, len(content)) + content


def associate_body(contexts, called="METSERVE", calling="RAW", max_pdu=16384, user_items=b""):
    """`contexts`: (SOP class, [transfer syntaxes]), numbered 1, 3, 5 and so on. `user_items`: more of item 50H."""
    body = struct.pack(">HH", 1, 0) + called.ljust(16).encode() + calling.ljust(16).encode() + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1")
    for index, (sop_class, syntaxes) in enumerate(contexts):
        content = bytes([2 * index + 1, 0, 0, 0]) + item(0x30, sop_class.encode())
        content += b"".join(item(0x40, syntax.encode()) for syntax in syntaxes)
        body += item(0x20, content)
    return body + item(0x50, item(0x51, struct.pack(">I", max_pdu)) + item(0x52, b"1.2.3") + user_items)


def p_data(fragment, command, last, context=1):
    flags = (1 if command else 0) | (2 if last else 0)
    return pdu(P_DATA, struct.pack(">IBB", len(fragment) + 2, context, flags) + fragment)


def padded(value):
    value = value.encode() if isinstance(value, str) else value
    return value + b"\0" * (len(value) % 2)


def command_set(**fields):
    """A command set (PS3.7 section 6.3): implicit VR little endian, led by its group length."""
    tags = {"sop_class": 0x0002, "field": 0x0100, "message": 0x0110, "priority": 0x0700, "data": 0x0800,
            "instance": 0x1000}
    body = b""
    for name, tag in tags.items():
        if name in fields:
            value = fields[name]
            value = struct.pack("<H", value) if isinstance(value, int) else padded(value)
            body += struct.pack("<HHI", 0, tag, len(value)) + value
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def elements_of(command):
    """Values of a command set by element number."""
    values, at = {}, 0
    while at < len(command):
        _, number, length = struct.unpack_from("<HHI", command, at)
        values[number] = command[at + 8:at + 8 + length]
        at += 8 + length
    return values


def store_command(sop_class, instance, message=1):
    return command_set(sop_class=sop_class, field=1, message=message, priority=0, data=0, instance=instance)


def echo_command(message=1):
    return command_set(sop_class=VERIFICATION, field=0x30, message=message, data=0x0101)


def element(tag, vr, value, order="<", explicit=True):
    """One element; `tag` as 0xGGGGEEEE."""
    value = value.encode() if isinstance(value, str) else value
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack(order + "I", len(value)) + value
    if vr in LONG_VRS:
        return head + vr.encode() + b"\0\0" + struct.pack(order + "I", len(value)) + value
    return head + vr.encode() + struct.pack(order + "H", len(value)) + value


def image(study, series, instance, rows=8, columns=8, number=1, extra=b"", pixels=None):
    """A small MR image, explicit VR little endian, as a dataset. `extra`: elements behind group 0020's."""
    if pixels is None:
        pixels = bytes(2 * rows * columns)
    short = lambda value: struct.pack("<H", value)
    return b"".join([
        element(0x00080016, "UI", MR), element(0x00080018, "UI", instance), element(0x00080060, "CS", "MR"),
        element(0x00180050, "DS", "2"), element(0x0020000D, "UI", study), element(0x0020000E, "UI", series),
        element(0x00200013, "IS", str(number)), element(0x00200032, "DS", f"0\\0\\{2 * number}"),
        element(0x00200037, "DS", "1\\0\\0\\0\\1\\0"), extra,
        element(0x00280002, "US", short(1)), element(0x00280004, "CS", "MONOCHROME2"),
        element(0x00280010, "US", short(rows)), element(0x00280011, "US", short(columns)),
        element(0x00280030, "DS", "1\\1"), element(0x00280100, "US", short(16)),
        element(0x00280101, "US", short(12)), element(0x00280102, "US", short(11)),
        element(0x00280103, "US", short(0)), element(0x7FE00010, "OW", pixels)])


class Peer:
    """One TCP connection. What is received within `seconds` is returned, or None when the other side closes."""

    def __init__(self, port, seconds=30, source="127.0.0.1"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.message = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """False when the other side has closed."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def _receive(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                return None
            data += part
        return data

    def receive(self):
        """Type and body of the next PDU, or None."""
        try:
            head = self._receive(6)
            body = head and self._receive(struct.unpack(">I", head[2:])[0])
        except ConnectionError:
            return None
        return None if body is None or head is None else (head[0], body)

    def associate(self, contexts=((MR, [EXPLICIT_LE]),), **options):
        """The answer's PDU type and body."""
        self.send(pdu(ASSOCIATE_RQ, associate_body(contexts, **options)))
        return self.receive()

    def response_status(self):
        """The status (0000,0900) of a response, or None when the association ended."""
        answer = self.receive()
        if answer is None or answer[0] != P_DATA:
            return None
        return struct.unpack("<H", elements_of(answer[1][6:])[0x0900])[0]

    def store(self, dataset, instance, sop_class=MR, context=1, fragment=16000):
        """Sends one C-STORE and returns its status, or None when the association ended."""
        self.message = self.message % 65535 + 1
        out = [p_data(store_command(sop_class, instance, self.message), True, True, context)]
        for begin in range(0, max(len(dataset), 1), fragment):
            part = dataset[begin:begin + fragment]
            out.append(p_data(part, False, begin + fragment >= len(dataset), context))
        return self.response_status() if self.send(b"".join(out)) else None

    def echo(self, context=1):
        self.send(p_data(echo_command(), True, True, context))
        return self.response_status()

    def release(self):
        self.send(pdu(RELEASE_RQ, bytes(4)))
        return self.receive()
