# Programs that the tests start, each with arguments of its own.
collect_ignore = [
    *("ray_faults.py", "ray_kills.py", "ray_machines.py", "ray_study.py"),
    "light_worker.py",
]
