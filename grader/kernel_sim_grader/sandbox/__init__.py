"""The walls round a worker, in the order in which they go up.

::

    zygote (trusted)     visible        what of this machine's files a worker may read
                         file_system    a root of its own, with nothing else in it
                         user           root becomes nobody; an ordinary user stays who it is
    each worker's fork   namespaces     user, mount, pid, ipc, net, uts and cgroup of its own
                         file_system    an empty scratch folder of its own
                         capabilities   none, and no way to gain any
                         system_call_filter   what an interpreter needs, and nothing else

Each module raises `WallError` when its wall can't be put up; then no worker is started at all.
Linux only; on other platforms `modes.chosen` refuses, unless told to go without.
"""
