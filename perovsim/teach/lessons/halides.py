"""Marimo page of the lesson "Constant current, and where the halides go"; its physics is in ../subjects/halides.py."""

import marimo

app = marimo.App(width="medium", app_title="Constant current, and where the halides go")


@app.cell
def _():
    from perovsim.teach.notebook import app as page

    return (page,)


@app.cell
async def _(page):
    (await page.embed({"key": "halides"})).output
    return


if __name__ == "__main__":
    app.run()
