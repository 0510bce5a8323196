"""What a candidate may import: loaded before the fork, since afterwards no file can be opened."""

from __future__ import annotations

PRELOADED = """
    abc array ast base64 binascii bisect builtins calendar cmath codecs collections collections.abc colorsys
    contextlib contextvars copy copyreg csv ctypes dataclasses datetime decimal difflib dis enum errno fnmatch fractions
    functools gc graphlib hashlib heapq hmac inspect io ipaddress itertools json json.decoder json.encoder
    keyword linecache locale logging math numbers opcode operator os pickle posixpath pprint queue random re reprlib
    sched secrets select selectors shlex signal socket stat statistics string struct sys tempfile textwrap threading
    time timeit token tokenize traceback types typing unicodedata uuid warnings weakref zlib zoneinfo
    asyncio bz2 concurrent.futures concurrent.futures.thread lzma multiprocessing subprocess platform pathlib shutil
    encodings.idna encodings.latin_1 encodings.ascii encodings.utf_16 encodings.utf_32 encodings.cp1252
    typing_extensions
""".split()

NUMPY = """
    numpy numpy.linalg numpy.random numpy.fft numpy.ma numpy.polynomial numpy.lib.stride_tricks numpy.char numpy.rec
    numpy.strings numpy.dtypes numpy.exceptions numpy.typing
""".split()
