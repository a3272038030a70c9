"""Three groups of layers that change in their own ways, some noise, a loner: the groups are found, and how many."""

import numpy as np

import layerlore as ll

draws = np.random.default_rng(0)
steps = np.arange(1, 31)
courses = {
    "settles": 0.1 * np.exp(-steps / 8),
    "steady": np.full(30, 0.03),
    "wakes": 0.001 * np.exp(steps / 8),
}
names, rows = [], []
for kind, course in courses.items():
    for number in range(10):
        names.append(f"{kind}.{number}")
        rows.append(course * np.exp(0.2 * draws.standard_normal(30)))
names.append("loner")
rows.append(np.where(steps < 15, 2.0, 1e-4))

history = ll.History.from_table(names, np.array(rows), measure="rwc_l1")
trends = ll.find_trends(history)
for group, members in trends.groups.items():
    print(f"{group}: {', '.join(members) or 'none'}")
print(f"stability {trends.stability:.2f}")

groups = sorted(sorted(trends.members(label)) for label in trends.trends)
assert groups == sorted([f"{kind}.{number}" for number in range(10)] for kind in courses)
assert trends.members(-1) == ["loner"]
assert trends.stability > 0.9
