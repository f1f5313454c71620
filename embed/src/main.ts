import { mount } from 'svelte';
import './styles/tokens.css';
import './styles/base.css';
import './styles/forms.css';
import App from './App.svelte';
import { startTexts } from './i18n/i18n.svelte';
import { startRouter } from './state/router.svelte';

async function start(): Promise<void> {
    await startTexts();
    startRouter();
    const target = document.getElementById('app');
    if (target) mount(App, { target });
}

void start();
