// What makes the pages live. Everything is readable without it.
(() => {
  "use strict";

  const shown = new Map();
  const awayNotice = () => document.getElementById("away");

  // A page that nobody looks at asks for nothing.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.xhr || event.detail.xhr.status === 401) return;
    awayNotice().hidden = event.detail.successful;
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) document.querySelectorAll("[data-live]").forEach((live) => htmx.trigger(live, "refresh"));
  });

  // What has not changed stays as it is, with whatever is selected in it; figures that did change light up.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    const coming = fragment.firstElementChild || fragment;
    const html = coming.outerHTML;
    if (shown.get(target.id) === html) {
      event.detail.shouldSwap = false;
      return;
    }
    shown.set(target.id, html);
    for (const figure of coming.querySelectorAll("[data-figure]")) {
      const before = document.getElementById(figure.id);
      if (before && before.textContent !== figure.textContent) figure.classList.add("changed");
    }
  });

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // The chart draws what the table says, so that there is one source of figures.
  const bars = () => {
    const rows = [...document.querySelectorAll("#occurrences tr[data-label]")].reverse();
    return {
      labels: rows.map((row) => [`#${row.dataset.number}`, row.dataset.label]),
      awarded: rows.map((row) => Number(row.dataset.awarded)),
      pending: rows.map((row) => Number(row.dataset.pending)),
    };
  };

  let chart;
  const paint = () => {
    const canvas = document.getElementById("chart");
    if (!canvas) return;
    const { labels, awarded, pending } = bars();
    const text = css("--laurel-quiet");
    const line = css("--laurel-line");
    if (!chart) {
      Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
      const dataset = (label, data) => ({ label, data, borderRadius: 4, maxBarThickness: 44, borderSkipped: "bottom" });
      chart = new Chart(canvas, {
        type: "bar",
        data: { labels, datasets: [dataset("Awarded", awarded), dataset("Pending", pending)] },
        options: {
          maintainAspectRatio: false,
          animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? false : { duration: 400 },
          interaction: { mode: "index", intersect: false },
          plugins: { legend: { align: "end", labels: { usePointStyle: true, pointStyle: "rectRounded", boxHeight: 8 } } },
          scales: {
            x: { stacked: true, grid: { display: false } },
            y: { stacked: true, beginAtZero: true, border: { display: false }, ticks: { maxTicksLimit: 6 } },
          },
        },
      });
    }
    const [first, second] = chart.data.datasets;
    chart.data.labels = labels;
    Object.assign(first, { data: awarded, backgroundColor: css("--laurel-awarded") });
    Object.assign(second, { data: pending, backgroundColor: css("--laurel-pending") });
    const { x, y } = chart.options.scales;
    chart.options.plugins.legend.labels.color = x.ticks.color = y.ticks.color = text;
    y.grid.color = line;
    chart.update();
  };
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id === "occurrences") paint();
  });
  document.addEventListener("laurel:theme", paint);
  document.addEventListener("DOMContentLoaded", paint);

  // A link made for signing in carries the key behind its `#`, which browsers send to nobody.
  const signIn = () => {
    const field = document.getElementById("key");
    if (!field || location.hash.length < 2) return;
    field.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname + location.search);
    field.form.requestSubmit();
  };
  document.addEventListener("DOMContentLoaded", signIn);
  addEventListener("hashchange", signIn);
})();
