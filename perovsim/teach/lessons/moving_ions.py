"""Marimo page of the lesson "A diode with moving ions"; its physics is in ../subjects/moving_ions.py."""

import marimo

app = marimo.App(width="medium", app_title="A diode with moving ions")


@app.cell
def _():
    from perovsim.teach.notebook import app as page

    return (page,)


@app.cell
async def _(page):
    (await page.embed({"key": "moving_ions"})).output
    return


if __name__ == "__main__":
    app.run()
