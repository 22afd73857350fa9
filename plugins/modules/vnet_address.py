#!/usr/bin/python
from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.module import resource_main


def main():
    resource_main('addresses')


if __name__ == '__main__':
    main()
