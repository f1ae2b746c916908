"""Marimo page of the lesson "What the microscope sees"; its physics is in ../subjects/microscope.py."""

import marimo

app = marimo.App(width="medium", app_title="What the microscope sees")


@app.cell
def _():
    from perovsim.teach.notebook import app as page

    return (page,)


@app.cell
async def _(page):
    (await page.embed({"key": "microscope"})).output
    return


if __name__ == "__main__":
    app.run()
