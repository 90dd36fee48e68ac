"""What a benchmark found: our figure beside its reference of the same run."""

from typing import NamedTuple


class Figure(NamedTuple):
    """`ratio` is how many times the reference ours is; `most` of them means that less is better."""

    what: str
    ours: str
    reference: str
    ratio: float
    target: float
    most: bool = False

    @property
    def reached(self) -> bool:
        return self.ratio <= self.target if self.most else self.ratio >= self.target

    def row(self) -> str:
        bound = "at most" if self.most else "at least"
        mark = "" if self.reached else " (not reached)"
        return f"| {self.what} | {self.ours} | {self.reference} | {self.ratio:.2f} | {bound} {self.target:g}{mark} |"


HEADER = "| benchmark | Laurel | reference | ratio | wanted |\n| --- | --- | --- | --- | --- |"


def show(figures: list[Figure]) -> None:
    print(HEADER)
    for figure in figures:
        print(figure.row(), flush=True)
