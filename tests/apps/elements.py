"""elements.py: a template engine whose elements know their parents, for
gc_disabled.py and healthy_cycles.py: each page is one big cycle.

SPDX-License-Identifier: MIT
"""


class Element:
    def __init__(self, tag, parent=None, text=""):
        self.tag = tag
        self.parent = parent
        self.text = text
        self.children = []
        if parent is not None:
            parent.children.append(self)

    def render(self):
        return "<%s>%s%s</%s>" % (
            self.tag, self.text,
            "".join(child.render() for child in self.children), self.tag)
