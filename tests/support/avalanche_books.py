"""A small book of the avalanche as a folder: two managers, two factors, figures found by hand."""

from pathlib import Path

from margin_assets.avalanche.book.building import Built, built
from margin_assets.avalanche.book.reading import read_folder

SIGMA = 0.01
RHO = 0.5
CASH = 200e6
LINE = 100e6
DELTAS = {
    ("FUT", "ANNA", "EQ"): 4e9,
    ("FUT", "BORIS", "EQ"): 2e9,
    ("FUT", "BORIS", "IR"): 3e9,
    ("SWAP", "ANNA", "IR"): -1e9,
}
"""Dollars per unit of return, by set, manager and factor."""

_TABLES = {
    "legal_entity": ["entity_id,home_ccy,nav", "FUND,USD,5000000000"],
    "venue": [
        "venue_id,kind,eod_hour,passes_intraday_gains",
        "CCP1,CCP,21,true",
        "CCP2,CCP,21,true",
    ],
    "manager": [
        "manager_id,entity_id,strategy,expected_return",
        "ANNA,FUND,macro,10000000",
        "BORIS,FUND,rates,30000000",
    ],
    "risk_factor": [
        "factor_id,class,sigma0,adv",
        f"EQ,EQ,{SIGMA},100000000000",
        f"IR,IR,{SIGMA},100000000000",
    ],
    "correlation": ["factor_id,other_id,rho", f"EQ,IR,{RHO}"],
    "im_model": ["im_model_id,family,rate", "NONE,FLAT,0"],
    "netting_set": [
        "ns_id,entity_id,venue_id,im_model_id,call_ccy",
        "FUT,FUND,CCP1,NONE,USD",
        "SWAP,FUND,CCP2,NONE,USD",
    ],
    "exposure": [
        "ns_id,manager_id,factor_id,delta",
        *(f"{ns},{manager},{factor},{delta:g}" for (ns, manager, factor), delta in DELTAS.items()),
    ],
    "cash_balance": ["entity_id,ccy,balance", f"FUND,USD,{CASH:g}"],
    "facility": [
        "facility_id,entity_id,ccy,commitment,committed",
        f"LINE,FUND,USD,{LINE:g},true",
    ],
    "settings": ["key,value", "generator,gaussian", "reaction,0", "reversion,0", "gap_share,0"],
}


def written(folder: Path, **changed: list[str]) -> Path:
    """The book's files in a folder; tables that are named are others."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (_TABLES | changed).items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def book(folder: Path, **changed: list[str]) -> Built:
    """The same, ready to run."""
    return built(read_folder(written(folder, **changed)))
