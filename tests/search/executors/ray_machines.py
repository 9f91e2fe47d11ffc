"""Searches on a cluster of two machines, and then waits for a third.

python ray_machines.py STUDY FOLDER ADDRESS
"""

import dataclasses
import json
import sys
import time
from pathlib import Path

from kerasblocks.search import load_study, run
from kerasblocks.search.executors.ray import Ray
from kerasblocks.search.executors.ray_link import Link
from kerasblocks.search.jobs import Job

study = load_study(sys.argv[1])
folder, address = Path(sys.argv[2]), sys.argv[3]
study = dataclasses.replace(study, epochs=10)
link = Link(address, None)
while len(link.nodes()) < 2:
    time.sleep(0.1)
link.close()
result = run(study, trials=12, out=folder, executor=Ray(study, address))

# With no machine but the head left, one worker; a second as soon as there is room.
executor = Ray(study, address)
point = result.trials[0].point
files = {"checkpoint": str(folder / "c.npz"), "model": str(folder / "m.keras")}
job = Job(1, 1, point, seed=0, epochs=100_000, **files)
names = [executor.submit(job)]
(folder / "lonely").touch()
while executor.slots < 2:
    executor.wait(lambda epoch: True)
names.append(executor.submit(dataclasses.replace(job, number=2)))
executor.close()
sys.stdout.write(json.dumps(names) + "\n")
