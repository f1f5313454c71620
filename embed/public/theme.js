// Before the first paint: the theme that was chosen here, else what the system says.
(function () {
    try {
        var theme = localStorage.getItem('sluice.theme');
        if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    } catch (_) {
        // Storage is switched off: the system's choice holds.
    }
})();
