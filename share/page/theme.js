/* theme: dark, light, or as the system has it. Not a module, so that it has run before anything is drawn. */
"use strict";

const theme = {
    order: ["auto", "light", "dark"],

    get() {
        const kept = localStorage.getItem("orchd.theme");
        return this.order.includes(kept) ? kept : "auto";
    },

    set(name) {
        if (name === "auto")
            localStorage.removeItem("orchd.theme");
        else
            localStorage.setItem("orchd.theme", name);
        this.apply();
    },

    next() {
        this.set(this.order[(this.order.indexOf(this.get()) + 1) % this.order.length]);
    },

    apply() {
        document.documentElement.dataset.theme = this.get();
    },
};

theme.apply();
