"""The style sheet of reports: light or dark as the reader's machine is, and light on paper."""

__all__ = ("STYLE",)

LIGHT = """
--page:#f6f7f9;--card:#fff;--text:#1b2230;--soft:#5a6475;--line:#d9dee7;--grid:#e8ebf0;
--c0:#1f6feb;--c1:#d9730d;--c2:#1a7f4b;--c3:#9333c8;--c4:#0e8a94;--c5:#a8432f;--c6:#7a6a00;--total:#1b2230;
--bad:#c62838;--good:#18794e;--badback:#fdecee;--goodback:#e7f6ee;--warn:#7a4b00;--warnback:#fff5df;--warnline:#edc36a;
"""
DARK = """
--page:#0f1319;--card:#181e27;--text:#e6eaf1;--soft:#9aa6b8;--line:#2c3543;--grid:#252d39;
--c0:#6ea8ff;--c1:#ffa657;--c2:#56d38f;--c3:#d2a0ff;--c4:#58cdd6;--c5:#ff9a85;--c6:#e0cc5a;--total:#e6eaf1;
--bad:#ff7b86;--good:#56d38f;--badback:#3a1d22;--goodback:#16301f;--warn:#f3cf86;--warnback:#33270f;--warnline:#6d5320;
"""

STYLE = f"""
:root{{{LIGHT}}}
@media (prefers-color-scheme:dark){{:root{{{DARK}}}}}
@media print{{:root{{{LIGHT}--page:#fff}}body{{font-size:10pt}}main{{max-width:none;padding:0}}
section,figure,.tile{{break-inside:avoid}}*{{-webkit-print-color-adjust:exact;print-color-adjust:exact}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--page);color:var(--text);line-height:1.45;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;font-size:15px}}
main{{max-width:1120px;margin:0 auto;padding:28px 20px 48px}}
h1{{font-size:1.6em;margin:0;overflow-wrap:anywhere}}
h2{{font-size:1.05em;margin:0 0 4px}}
p{{margin:0 0 10px;color:var(--soft)}}
header p{{margin:4px 0}}
.over{{text-transform:uppercase;letter-spacing:.08em;font-size:.75em;font-weight:600}}
.badge{{display:inline-block;margin-top:6px;padding:3px 12px;border-radius:99px;font-weight:600}}
.badge.good{{color:var(--good);background:var(--goodback)}}
.badge.bad{{color:var(--bad);background:var(--badback)}}
section,figure{{margin:16px 0 0;padding:16px 18px;background:var(--card);border:1px solid var(--line);
border-radius:10px}}
.tiles{{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;padding:0;border:0;
background:none}}
.tile{{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px}}
.tile span,.tile small{{display:block;color:var(--soft)}}
.tile b{{display:block;font-size:1.6em;line-height:1.25;font-variant-numeric:tabular-nums}}
.tile.bad b{{color:var(--bad)}}
.warnings{{background:var(--warnback);border-color:var(--warnline);color:var(--warn)}}
.warnings ul{{margin:0;padding-left:20px}}
.charts{{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(500px,100%),1fr));gap:16px;margin-top:16px}}
.charts figure{{margin:0}}
svg{{display:block;width:100%;height:auto}}
.scroll{{overflow-x:auto}}
table{{border-collapse:collapse;width:100%}}
th,td{{padding:5px 10px;text-align:left;border-bottom:1px solid var(--grid);vertical-align:top}}
tr:last-child>*{{border-bottom:0}}
thead th,.settings th{{color:var(--soft);font-weight:600;white-space:nowrap}}
.numbers th:not(:first-child),.numbers td:not(:first-child),.failures td:first-child,.failures th:first-child
{{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}}
.numbers td:first-child,.failures td:nth-child(3){{overflow-wrap:anywhere;min-width:8em}}
.numbers .total td{{font-weight:600;border-top:2px solid var(--line)}}
.numbers .failing td:nth-child(3){{color:var(--bad)}}
.failures td:first-child{{width:1%}}
.failures .bar{{width:22%;min-width:90px}}
.failures .bar svg{{height:10px;margin-top:6px}}
.failures td:last-child,.settings td{{overflow-wrap:anywhere}}
.settings th{{width:1%}}
@media (max-width:600px){{.settings th{{white-space:normal}}section,figure{{padding:12px}}th,td{{padding:5px 6px}}}}
.verdicts td:first-child{{white-space:nowrap;font-weight:600}}
.verdicts .good td:first-child{{color:var(--good)}}
.verdicts .bad td:first-child{{color:var(--bad)}}
code{{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;font-size:.95em}}
.legend{{display:flex;flex-wrap:wrap;gap:4px 16px;margin-top:6px;color:var(--soft);font-size:.9em}}
.legend i{{display:inline-block;width:14px;height:10px;border-radius:2px;margin-right:6px;background:currentColor}}
.grid line{{stroke:var(--grid);stroke-width:1}}
.grid .minor{{stroke-dasharray:1 5}}
.grid text{{fill:var(--soft);font-size:12px}}
.grid .left,.grid .end{{text-anchor:end}}
.grid .middle,.grid .below{{text-anchor:middle}}
.base{{stroke:var(--soft);stroke-width:1}}
.curve{{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}}
.dashed{{stroke-dasharray:6 5;stroke-width:1.5}}
.band,.column,.dot,rect.errors{{fill:currentColor}}
.c0,.rate,.b1,.b2,.b3{{color:var(--c0)}}
.c1{{color:var(--c1)}}.c2{{color:var(--c2)}}.c3{{color:var(--c3)}}.c4{{color:var(--c4)}}.c5{{color:var(--c5)}}
.c6{{color:var(--c6)}}.total{{color:var(--total)}}.errors{{color:var(--bad)}}.planned{{color:var(--soft)}}
.column.rate{{opacity:.55}}i.rate{{opacity:.55}}
.b1{{opacity:.5}}.b2{{opacity:.28}}.b3{{opacity:.13}}
""".strip()
