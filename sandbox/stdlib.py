"""What a candidate may import: loaded before the fork, since afterwards no file can be opened."""

from __future__ import annotations

PRELOADED = """
    abc argparse array ast atexit base64 binascii bisect builtins calendar cmath code codecs codeop collections
    collections.abc colorsys configparser contextlib contextvars copy copyreg csv ctypes dataclasses datetime decimal
    difflib dis enum errno fnmatch fractions functools gc genericpath getopt gettext glob graphlib gzip hashlib heapq
    hmac html html.parser importlib inspect io ipaddress itertools json json.decoder json.encoder keyword linecache
    locale logging marshal math mimetypes ntpath numbers opcode operator optparse os pickle pickletools plistlib
    posixpath pprint profile pstats queue quopri random re reprlib sched secrets select selectors shlex signal socket
    stat statistics string stringprep struct symtable sys sysconfig tempfile textwrap threading time timeit token
    tokenize tomllib trace traceback tracemalloc types typing unicodedata unittest urllib urllib.parse uuid warnings
    weakref xml.etree.ElementTree zipfile zlib zoneinfo
    asyncio bz2 concurrent.futures concurrent.futures.thread lzma multiprocessing subprocess platform pathlib shutil
    bdb cProfile cmd doctest faulthandler fcntl filecmp fileinput getpass pkgutil resource runpy shelve tarfile
    encodings.idna encodings.latin_1 encodings.ascii encodings.utf_16 encodings.utf_32 encodings.cp1252
    typing_extensions
""".split()
"""Modules that are not built into every Python (ctypes, bz2, lzma ...) are left out where they are missing."""

LEFT_OUT = """
    aifc antigravity asynchat asyncore audioop cgi cgitb chunk compileall crypt curses dbm distutils email ensurepip
    ftplib grp http idlelib imaplib imghdr imp lib2to3 mailbox mailcap mmap modulefinder msilib msvcrt netrc nis nntplib
    nt nturl2path ossaudiodev pdb pipes poplib posix pty pwd py_compile pyclbr pydoc pydoc_data pyexpat readline
    rlcompleter site smtpd smtplib sndhdr socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl sunau syslog
    tabnanny telnetlib termios this tkinter tty turtle turtledemo uu venv wave webbrowser winreg winsound wsgiref xdrlib
    xml xmlrpc zipapp zipimport
    pyrepl interpreters compression annotationlib
""".split()
"""Modules of the standard library that nobody computes with: servers, terminals, databases, sound, tools.

Some of them come along with others all the same. Together with PRELOADED this is the whole standard library
(`tests/sandbox/test_stdlib.py`), so that a statement which says "what computes" says something.
"""

NUMPY = """
    numpy numpy.linalg numpy.random numpy.fft numpy.ma numpy.polynomial numpy.lib.stride_tricks numpy.char numpy.rec
    numpy.strings numpy.dtypes numpy.exceptions numpy.typing
""".split()
