"""Marimo page of the lesson "Corrosion of the cathode"; its physics is in ../subjects/corrosion.py."""

import marimo

app = marimo.App(width="medium", app_title="Corrosion of the cathode")


@app.cell
def _():
    from perovsim.teach.notebook import app as page

    return (page,)


@app.cell
async def _(page):
    (await page.embed({"key": "corrosion"})).output
    return


if __name__ == "__main__":
    app.run()
