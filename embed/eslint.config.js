import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

export default ts.config(
    { ignores: ['node_modules/', 'dist/', 'public/'] },
    ...ts.configs.strictTypeChecked,
    ...svelte.configs.recommended,
    {
        languageOptions: {
            globals: { ...globals.browser },
            parserOptions: { projectService: { allowDefaultProject: ['vite.config.ts', 'eslint.config.js', 'svelte.config.js'] }, extraFileExtensions: ['.svelte'] },
        },
        rules: {
            // Numbers are fine in texts.
            '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
            // "void" says that a promise is deliberately not waited for.
            '@typescript-eslint/no-confusing-void-expression': 'off',
            '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
            eqeqeq: 'error',
            'max-lines': ['error', 500],
        },
    },
    {
        files: ['**/*.svelte', '**/*.svelte.ts'],
        languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
        rules: {
            // Paths are written as they are served: the page is always at the root of its panel.
            'svelte/no-navigation-without-resolve': 'off',
            // {' · '} keeps its blanks at the edge of a block, where plain text loses them.
            'svelte/no-useless-mustaches': 'off',
            // Whole values are replaced here, deliberately: a list of thousands needs no proxy around each part.
            'svelte/prefer-svelte-reactivity': 'off',
        },
    },
    {
        // The linter sees imported components as "any"; svelte-check, which knows their types, is the judge there.
        files: ['**/*.svelte'],
        rules: {
            '@typescript-eslint/no-unsafe-argument': 'off',
            '@typescript-eslint/no-unsafe-assignment': 'off',
            '@typescript-eslint/no-redundant-type-constituents': 'off',
        },
    },
    // Run by Node, whose types the page's program has nothing to do with.
    { files: ['**/*.js', '**/*.mjs', 'vite.config.ts', 'tests/**/*.ts'], ...ts.configs.disableTypeChecked },
);
