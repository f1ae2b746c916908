"""Marimo page of the lesson "What the microscope sees"; its physics is in ../subjects/microscope.py."""

import marimo

app = marimo.App(width="medium", app_title="What the microscope sees")


@app.cell
def _():
    from perovsim.teach.page import Page

    page = Page("microscope")
    page.head()
    return (page,)


@app.cell
def _(page):
    controls = page.controls()
    page.layout(controls)
    return (controls,)


@app.cell
def _(controls, page):
    page.view(controls.value)
    return


@app.cell
def _(page):
    page.tries()
    return


@app.cell
def _(page):
    answer = page.question()
    answer
    return (answer,)


@app.cell
def _(answer, page):
    page.feedback(answer.value)
    return


@app.cell
def _(page):
    page.foot()
    return


if __name__ == "__main__":
    app.run()
