"""How Understudy is run and watched: manifests, rules, dashboards."""
