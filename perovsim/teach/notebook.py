"""The marimo page that all lessons share; the file of a lesson embeds it with its own key."""

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    key = "moving_ions"
    return (key,)


@app.cell
def _(key):
    from perovsim.teach.page import Page

    page = Page(key)
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
